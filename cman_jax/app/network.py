"""The network that the flags of a command name, ready to predict: one run's, or the mean of several."""

from pathlib import Path

from cman_jax.app.decoding_flags import decoding_flags
from cman_jax.app.encoder_flags import encoders_for_prediction
from cman_jax.app.run_flag import runs_of_flags
from cman_jax.inference.ensemble import Ensemble
from cman_jax.inference.extractor import Extractor


def network_of_flags() -> tuple[list[Path], Extractor]:
    """Returns the folders of the runs, and their network; it is an `Ensemble` for several runs.

    Raises:
      InputError: as `Extractor.load` and `Ensemble.of`, or a flag is given that no run reads.
    """
    runs, options = runs_of_flags(), decoding_flags()
    encoders = encoders_for_prediction(*runs)
    if len(runs) == 1:
        return runs, Extractor.load(runs[0], encoder=encoders[0], **options)
    return runs, Ensemble.load(runs, encoders=encoders, **options)

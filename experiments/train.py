"""Trains CMAN on a corpus in the canonical form, then scores dev and test.

    python -m experiments.train --config=cman_jax/configs/conll04.py --data=DIR --workdir=DIR \\
        --vectors=FILE --config.training.num_epochs=20

With contextual features, which are computed first and kept: --encoder=minilm, or --encoder=elmo
--elmo_options=options.json --elmo_weights=weights.hdf5.
Started again on the same workdir it continues where it stopped. Several seeds as one program:
--population=5, each in a folder of its own, WORKDIR/seed_0 and so on, that is an ordinary run.
"""

import dataclasses
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import jax
from absl import flags

from cman_jax.app.encoder_flags import features_for_training
from cman_jax.app.flags import define_config
from cman_jax.app.program import run_main
from cman_jax.app.runtime import start_jax
from cman_jax.config import Config, validate
from cman_jax.data.corpus import load_splits
from cman_jax.errors import InputError
from cman_jax.run.lock import training_in
from cman_jax.training.loop import train_population
from cman_jax.training.member import Job
from cman_jax.training.progress import ConsoleProgress
from experiments.scoring import evaluate

_CONFIG = define_config()
_DATA = flags.DEFINE_string(
    "data", None, "Folder with train.jsonl, dev.jsonl and perhaps test.jsonl.", required=True
)
_WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the run; continued if it has one.", required=True)
_VECTORS = flags.DEFINE_string(
    "vectors", None, "Word vectors: word2vec or GloVe text (gzip too), word2vec binary."
)
_ENCODER = flags.DEFINE_enum("encoder", None, ["elmo", "minilm"], "Read contextual features of this encoder.")
_POPULATION = flags.DEFINE_integer(
    "population", 1, "Seeds that are trained together, from --config.training.seed on.", lower_bound=1
)
_DEVICES = flags.DEFINE_integer(
    "num_devices", 0, "Devices that share each batch, or the seeds of a population; 0 = all.", lower_bound=0
)


def main(argv: Sequence[str]) -> None:
    """Trains and scores as the flags say."""
    del argv
    start_jax()
    data, workdir = Path(_DATA.value), Path(_WORKDIR.value)
    splits = load_splits(data)
    jobs = [
        Job(config, splits, folder) for config, folder in seeds(_CONFIG.value, workdir, _POPULATION.value)
    ]
    every_sentence = [sentence for sentences in splits.values() for sentence in sentences]
    with ExitStack() as stack:
        for folder in (workdir, *(job.workdir for job in jobs)):
            stack.enter_context(training_in(folder))
        try:
            validate(_CONFIG.value)  # before the features, which take a while
            features = features_for_training(_ENCODER.value, every_sentence, workdir)
            train_population(
                jobs,
                vectors=Path(_VECTORS.value) if _VECTORS.value else None,
                encoder=features,
                num_devices=_DEVICES.value or jax.local_device_count(),
                progress=ConsoleProgress(),
            )
        except ValueError as error:  # a setting that cannot be
            if isinstance(error, InputError):
                raise
            raise InputError("flags", None, str(error), "settings that fit together") from error
        held_out = {name: sentences for name, sentences in splits.items() if name != "train"}
        for job in jobs:
            evaluate(job.workdir, held_out, features)


def seeds(config: Config, workdir: Path, population: int) -> list[tuple[Config, Path]]:
    """The config with each seed, and the folder of its run: the workdir itself where there is only one."""
    if population == 1:
        return [(config, workdir)]
    first = config.training.seed
    return [
        (
            dataclasses.replace(config, training=dataclasses.replace(config.training, seed=seed)),
            workdir / f"seed_{seed}",
        )
        for seed in range(first, first + population)
    ]


if __name__ == "__main__":
    run_main(main)

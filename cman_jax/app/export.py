"""Writes a trained network as a StableHLO program, which JAX runs without the code of the network.

    cman export --workdir=DIR --out=exported

The folder holds the program, its arrays, the vocabularies and model.json, which describes them. One program
serves batches of any size, on CPUs, NVIDIA GPUs and TPUs. `cman_jax.inference.exported.Exported` loads it.
"""

from collections.abc import Sequence
from pathlib import Path

import jax
from absl import flags

from cman_jax.app.decoding_flags import decoding_flags
from cman_jax.app.encoder_flags import encoder_for_prediction
from cman_jax.app.run_flag import run_of_flags
from cman_jax.app.runtime import start_jax
from cman_jax.inference.export import export_network
from cman_jax.inference.extractor import Extractor

_OUT = flags.DEFINE_string("out", None, "Folder to write to; it must be new or empty.", required=True)


def main(argv: Sequence[str]) -> None:
    """Exports as the flags say."""
    del argv
    jax.config.update("jax_platforms", "cpu")  # tracing on a GPU would choose kernels of that GPU
    start_jax()
    workdir, out = run_of_flags(), Path(_OUT.value)
    export_network(Extractor.load(workdir, encoder=encoder_for_prediction(workdir), **decoding_flags()), out)
    for path in sorted(out.iterdir()):
        print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")

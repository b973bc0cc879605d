"""What an extracted output is made of: an interrupted output is continued only from the same origin."""

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from cman_jax.config import to_dict
from cman_jax.data.inputs import input_digest
from cman_jax.files import json_text
from cman_jax.inference.extractor import Extractor
from cman_jax.version import __version__


def origin(extractor: Extractor, path: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Returns everything that decides the bytes of an output.

    Args:
      extractor: the network.
      path: the input, which is read once for its digest.
      options: the options of reading and writing.

    Raises:
      OSError: the input cannot be read.
    """
    return {
        "input": input_digest(path),
        "options": dict(options),
        "run": run_digest(extractor),
        "version": __version__,
    }


def run_digest(extractor: Extractor) -> str:
    """Returns the SHA-256 of a run: settings, vocabularies, encoder, constraints, calibration, parameters."""
    system = extractor.system
    constraints = [(name, sorted(pairs)) for name, pairs in sorted((extractor.constraints or {}).items())]
    settings = [to_dict(system.config), dataclasses.asdict(system.vocabs), system.encoder]
    digest = hashlib.sha256(json_text([*settings, constraints, extractor.calibration]).encode())
    for path, leaf in jax.tree_util.tree_leaves_with_path([system.constants, extractor.params]):
        array = np.ascontiguousarray(leaf)
        digest.update(f"{jax.tree_util.keystr(path)} {array.dtype} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()

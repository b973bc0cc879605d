"""The files of a tiny ELMo as AllenNLP writes them: random weights."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cman_jax.encoders.elmo.options import read_options
from cman_jax.encoders.elmo.weights import weight_shapes
from cman_jax.files import json_text
from experiments.faults.random_arrays import normal

Options = dict[str, Any]
Weights = dict[str, np.ndarray]


def options(changes: Mapping[str, Any] | None = None) -> Options:
    """Returns the options of a tiny network.

    Args:
      changes: new values by dotted name; `...` removes the option.
    """
    result: Options = {
        "lstm": {
            "cell_clip": 0.7,
            "use_skip_connections": True,
            "n_layers": 2,
            "proj_clip": 0.5,
            "projection_dim": 3,
            "dim": 5,
        },
        "char_cnn": {
            "embedding": {"dim": 2},
            "filters": [[1, 2], [3, 4]],
            "n_highway": 1,
            "n_characters": 262,
            "max_characters_per_token": 50,
            "activation": "relu",
        },
    }
    for name, value in (changes or {}).items():
        *parents, key = name.split(".")
        node = result
        for parent in parents:
            node = node[parent]
        node[key] = value
        if value is ...:
            del node[key]
    return result


class Tiny(NamedTuple):
    """The two files of a tiny ELMo, and their contents."""

    options_path: Path
    weights_path: Path
    options: Options
    weights: Weights


def write(folder: Path, opts: Options, dtype: str = "f4") -> Tiny:
    """Writes the options, and random weights that fit them."""
    import h5py

    tiny = Tiny(folder / "options.json", folder / "weights.hdf5", opts, {})
    tiny.options_path.write_text(json_text(opts))
    with h5py.File(tiny.weights_path, "w") as file:
        for seed, (name, shape) in enumerate(weight_shapes(read_options(tiny.options_path))):
            tiny.weights[name] = file[name] = normal(seed, *shape).astype(dtype)
    return tiny

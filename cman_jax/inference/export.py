"""A trained network as files that `jax.export` runs without this library's network: see `exported`.

One program serves all batches: the numbers of sentences, of tokens and of distinct words are symbolic.
"""

import io
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import export

from cman_jax.config import to_dict
from cman_jax.data.bio import allowed_transitions
from cman_jax.errors import InputError
from cman_jax.files import write_atomically, write_json, writing_folder_atomically
from cman_jax.inference.ensemble import Ensemble
from cman_jax.inference.exported import ABOUT, ARRAYS, FORMAT, MOST_TOKENS, PROGRAM, VOCABS
from cman_jax.inference.extractor import Extractor
from cman_jax.inference.steps import predict_step
from cman_jax.layers.products import products_in
from cman_jax.run.checkpoint_files import named
from cman_jax.run.constraints import for_json
from cman_jax.run.installed import digests
from cman_jax.run.system import System
from cman_jax.types import Batch
from cman_jax.version import __version__

PLATFORMS = ("cpu", "cuda", "tpu")
"""The devices that the program runs on; it has no kernels of one kind of device."""

_INPUTS = {
    "arrays": "arrays.npz, by name",
    "word_ids": "int32 [b n]: the id of each token's word, by vocabs.json; padding: 0",
    "mask": "bool [b n]: true at tokens, false at padding",
    "char_ids": "int32 [w c], one for each of config.data.char_lengths, then one of any length: the "
    "characters of distinct words; padding: 0",
    "char_rows": "int32 [b n]: the row of each token's word, counted through all tables",
    "features": "float16 [b l n d]: the encoder's layers; without an encoder l = d = 0",
}
_OUTPUTS = {
    "tags": "int32 [b n]: the best sequence of tags (O, then B-TYPE and I-TYPE of each entity type)",
    "relation_prob": "float32 [b n n r]: subject token, object token, relation type",
    "initial_prob": "float32 [b t]: marginal probability of the first token's tag",
    "edge_prob": "float32 [b n t t]: marginal probabilities of the tags of neighbouring tokens",
}


def export_network(extractor: Extractor, out: Path) -> None:
    """Writes a network as a program, arrays, vocabularies and a description.

    Args:
      extractor: the network, loaded in a process whose default device is the CPU.
      out: the folder to write to.

    Raises:
      InputError: the folder has files already, JAX runs on another device, or the network is an ensemble or
        has trained layers of an encoder.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(out, None, "results that exist already", "a new folder")
    if jax.default_backend() != "cpu":  # else it would contain kernels of this device
        raise InputError("the device", None, jax.default_backend(), "cpu (JAX_PLATFORMS=cpu)")
    system, stored = extractor.system, io.BytesIO()
    if isinstance(extractor, Ensemble):
        raise InputError("the network", None, "several networks that are averaged", "a single network")
    if system.model.upper:
        found = f"{system.model.upper.num_layers} trained layers of {system.encoder.name}"
        raise InputError("the network", None, found, "a network whose encoder is frozen")
    tree = {"params": extractor.params, "constants": system.constants}
    program = _program(system, tree)
    np.savez(stored, **named(tree))
    with writing_folder_atomically(out) as new:  # another export to this folder cannot mix with it
        write_atomically(new / PROGRAM, bytes(program.serialize()))
        write_atomically(new / ARRAYS, stored.getvalue())
        system.vocabs.save(new / VOCABS)
        about = {**_description(extractor, program), "files": digests(new, [PROGRAM, ARRAYS, VOCABS])}
        write_json(new / ABOUT, about)


def _description(extractor: Extractor, program: export.Exported) -> dict[str, Any]:
    """Returns what the files are, for whoever loads them."""
    system = extractor.system
    return {
        "format": FORMAT,
        "version": __version__,
        "jax": jax.__version__,
        "calling_convention": program.calling_convention_version,
        "platforms": list(program.platforms),
        "most_tokens": MOST_TOKENS,
        "epoch": extractor.epoch,
        "inputs": _INPUTS,
        "outputs": _OUTPUTS,
        "tags": list(system.vocabs.tags),
        "constraints": None if extractor.constraints is None else for_json(extractor.constraints),
        "calibration": {task: part._asdict() for task, part in extractor.calibration._asdict().items()},
        "encoder": None if system.encoder is None else system.encoder._asdict(),
        "config": to_dict(system.config),
    }


def _program(system: System, tree: Any) -> export.Exported:
    """Returns the prediction step as a program of named arrays and a batch's inputs."""
    names, structure = list(named(tree)), jax.tree.structure(tree)
    allowed = None
    if system.config.decoding.bio_constraints:
        allowed = tuple(map(jnp.asarray, allowed_transitions(system.vocabs.tags)))

    def predict(arrays: Any, word_ids: Any, mask: Any, char_ids: Any, char_rows: Any, features: Any) -> Any:
        given = jax.tree.unflatten(structure, [arrays[name] for name in names])
        cells = jnp.zeros((word_ids.shape[0], 0, 3), jnp.int32)  # gold, which prediction does not read
        batch = Batch(word_ids, mask, jnp.zeros_like(word_ids), char_ids, char_rows, cells, features)
        with products_in(system.config.decoding.precision):
            return tuple(predict_step(system.model, given["params"], given["constants"], batch, allowed))

    return export.export(jax.jit(predict), platforms=PLATFORMS)(*_symbolic_inputs(system, tree))


def _symbolic_inputs(system: System, tree: Any) -> tuple[Any, ...]:
    """Returns the shapes of the program's inputs, with names for the sizes that differ between batches."""
    lengths, sizes = system.config.data.char_lengths, system.model.sizes
    words = [f"w{i}" for i in range(len(lengths) + 1)]
    b, n, c, *rows = export.symbolic_shape(
        ", ".join(["b", "n", "c", *words]), constraints=["n >= 2", f"n <= {MOST_TOKENS}", "c >= 2"]
    )
    shape = jax.ShapeDtypeStruct
    arrays = {name: shape(array.shape, array.dtype) for name, array in named(tree).items()}
    tables = tuple(shape(table, jnp.int32) for table in zip(rows, [*lengths, c], strict=True))
    token = shape((b, n), jnp.int32)
    features = shape((b, sizes.feature_layers, n, sizes.feature_width), jnp.float16)
    return arrays, token, shape((b, n), jnp.bool_), tables, token, features

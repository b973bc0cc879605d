"""ELMo as AllenNLP publishes it: weights.hdf5 to plain arrays, words to character ids.

Source: Peters et al. (2018), Deep Contextualized Word Representations, and the two readers of these files,
github.com/allenai/bilm-tf and github.com/allenai/allennlp. Where the two differ AllenNLP is followed, but
options that it wants and the other does without may be absent.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from cman_jax.encoders.elmo.options import ElmoOptions, read_options
from cman_jax.errors import InputError
from cman_jax.files import open_hdf5, reading

BEGIN_SENTENCE, END_SENTENCE = "<S>", "</S>"
NUM_CHARACTERS = 261  # 256 bytes and the five below; rows of the file's table
NUM_IDS = NUM_CHARACTERS + 1  # and id 0, no character at all

_EXPECTED = "ELMo's weights (HDF5)"
_BEGIN_SENTENCE, _END_SENTENCE, _BEGIN_WORD, _END_WORD, _PADDING = range(256, NUM_CHARACTERS)


class ElmoFiles(NamedTuple):
    """A pretrained ELMo. `params` is the tree that cman_jax/encoders/elmo/network.py takes."""

    options: ElmoOptions
    params: dict[str, Any]
    digest: str  # SHA-256 over the bytes of options.json, then of weights.hdf5


def read_elmo(options_path: str | Path, weights_path: str | Path) -> ElmoFiles:
    """Reads and checks both files.

    Raises:
      InputError: a file is missing or damaged, they contradict each other, or the extra `elmo` is missing.
    """
    options = read_options(options_path)
    params = _params(options, _read_weights(weights_path, options))
    digest = hashlib.sha256()
    for path in (options_path, weights_path):
        with open(path, "rb") as file:
            hashlib.file_digest(file, lambda: digest)
    return ElmoFiles(options, params, digest.hexdigest())


def char_ids(words: Sequence[str], max_characters: int) -> Int[np.ndarray, "w c"]:
    """A row per word: begin, its UTF-8 bytes, end, padding; all plus 1, as id 0 is no character at all.

    Bytes that find no room are cut off, lone surrogates are left out, and `BEGIN_SENTENCE` and
    `END_SENTENCE` are not spelt but have a character of their own, as in AllenNLP.
    """
    ids = np.full((len(words), max_characters), _PADDING, np.int32)
    whole = {BEGIN_SENTENCE: [_BEGIN_SENTENCE], END_SENTENCE: [_END_SENTENCE]}
    for row, word in zip(ids, words, strict=True):
        spelling = whole.get(word) or [*word.encode("utf-8", "ignore")[: max_characters - 2]]
        row[: len(spelling) + 2] = [_BEGIN_WORD, *spelling, _END_WORD]
    return ids + 1


def weight_shapes(options: ElmoOptions) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Every dataset of weights.hdf5: its path in the file, its shape."""
    num_filters, p, d = sum(n for _, n in options.filters), options.projection_dim, options.lstm_dim
    yield "char_embed", (NUM_CHARACTERS, options.char_dim)
    for i, (width, count) in enumerate(options.filters):
        yield f"CNN/W_cnn_{i}", (1, width, options.char_dim, count)
        yield f"CNN/b_cnn_{i}", (count,)
    for i in range(options.num_highways):
        for gate in ("carry", "transform"):
            yield f"CNN_high_{i}/W_{gate}", (num_filters, num_filters)
            yield f"CNN_high_{i}/b_{gate}", (num_filters,)
    yield "CNN_proj/W_proj", (num_filters, p)
    yield "CNN_proj/b_proj", (p,)
    for layer in range(options.num_layers):
        for direction in range(2):
            cell = _cell(direction, layer)
            yield from ((f"{cell}/W_0", (2 * p, 4 * d)), (f"{cell}/B", (4 * d,)), (f"{cell}/W_P_0", (d, p)))


def _cell(direction: int, layer: int) -> str:
    return f"RNN_{direction}/RNN/MultiRNNCell/Cell{layer}/LSTMCell"


def _read_weights(path: str | Path, options: ElmoOptions) -> dict[str, np.ndarray]:
    """Every dataset that the options ask for, as float32."""
    expected = "as many layers as the options say"
    surplus = (f"CNN/W_cnn_{len(options.filters)}", f"CNN_high_{options.num_highways}/W_carry")
    with reading(path, _EXPECTED), open_hdf5(path, _EXPECTED) as file:
        # A network with fewer layers than the file would run, and give other vectors.
        for name in (*surplus, *(f"{_cell(direction, options.num_layers)}/W_0" for direction in range(2))):
            if name in file:
                raise InputError(path, None, f"the dataset {name}", expected)
        return {name: _read(path, file, name, shape) for name, shape in weight_shapes(options)}


def _read(path: str | Path, file: Mapping[str, Any], name: str, shape: tuple[int, ...]) -> np.ndarray:
    dataset = file.get(name)
    if not hasattr(dataset, "shape"):  # None, or a group
        raise InputError(path, None, f"no dataset {name}", f"one of shape {shape}")
    if dataset.shape != shape or dataset.dtype.kind != "f":
        found = f"{name} of shape {dataset.shape} and type {dataset.dtype}"
        raise InputError(path, None, found, f"numbers of shape {shape}, as the options say")
    with np.errstate(over="ignore"):  # too large for float32 is refused as not finite
        values = dataset[...].astype(np.float32)
    if not np.isfinite(values).all():
        raise InputError(path, None, f"a number in {name} that is not finite", "finite weights")
    return values


def _params(options: ElmoOptions, weights: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The weights in the order and the names of our modules; the two directions' are stacked."""

    def dense(group: str, kind: str) -> dict[str, np.ndarray]:
        return {"kernel": weights[f"{group}/W_{kind}"], "bias": weights[f"{group}/b_{kind}"]}

    characters: dict[str, Any] = {"projection": dense("CNN_proj", "proj")}
    # Id 0 is no character at all: the file has no row for it.
    characters["characters"] = {"embedding": np.pad(weights["char_embed"], ((1, 0), (0, 0)))}
    for i in range(len(options.filters)):
        convolution = dense("CNN", f"cnn_{i}")
        characters[f"convolution_{i}"] = convolution | {"kernel": convolution["kernel"][0]}
    for i in range(options.num_highways):
        gates = {gate: dense(f"CNN_high_{i}", gate) for gate in ("carry", "transform")}
        characters[f"highway_{i}"] = gates
    lstms = {f"layer_{i}": _lstm_params(options, weights, i) for i in range(options.num_layers)}
    return {"characters": characters, "lstms": lstms}


def _lstm_params(
    options: ElmoOptions, weights: Mapping[str, np.ndarray], layer: int
) -> dict[str, Float[np.ndarray, "g ..."]]:
    """One layer. The files' gates are input, candidate, forget, output; to the forget gate they add 1."""
    kernel, bias, projection = (
        np.stack([weights[f"{_cell(direction, layer)}/{name}"] for direction in range(2)])
        for name in ("W_0", "B", "W_P_0")
    )
    bias[:, 2 * options.lstm_dim : 3 * options.lstm_dim] += 1
    input_kernel, recurrent_kernel = np.split(kernel, 2, axis=1)
    return {
        "input_kernel": input_kernel,
        "recurrent_kernel": recurrent_kernel,
        "bias": bias,
        "projection": projection,
    }

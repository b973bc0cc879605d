"""ELMo's files as AllenNLP publishes them: weights.hdf5 as plain arrays, and words as character ids.

Source: Peters et al. (2018), Deep Contextualized Word Representations, and the two readers of these files,
github.com/allenai/bilm-tf and github.com/allenai/allennlp. Where the two readers differ, this module follows
AllenNLP. Options that AllenNLP requires and bilm-tf does not may be missing.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from cman_jax.encoders.elmo.options import ElmoOptions, read_options
from cman_jax.encoders.hdf5 import dataset_in, open_hdf5, reading
from cman_jax.errors import InputError

BEGIN_SENTENCE, END_SENTENCE = "<S>", "</S>"
NUM_CHARACTERS = 261  # the 256 bytes and the five symbols below; rows of the file's table
NUM_IDS = NUM_CHARACTERS + 1  # id 0 means "no character"

_EXPECTED = "ELMo's weights (HDF5)"
_BEGIN_SENTENCE, _END_SENTENCE, _BEGIN_WORD, _END_WORD, _PADDING = range(256, NUM_CHARACTERS)


class ElmoFiles(NamedTuple):
    """The contents of a pretrained ELMo's files.

    Attributes:
      options: the options of the network.
      params: the parameters of the modules in `encoders.elmo.network`, under "characters" and "lstms".
      digest: SHA-256 over the bytes of options.json, then of weights.hdf5.
    """

    options: ElmoOptions
    params: dict[str, Any]
    digest: str


def read_elmo(options_path: str | Path, weights_path: str | Path) -> ElmoFiles:
    """Reads and checks both files.

    Args:
      options_path: options.json.
      weights_path: weights.hdf5.

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
    """Returns a row of character ids for each word: begin, UTF-8 bytes, end, padding.

    All ids are raised by 1, because id 0 means "no character". Bytes beyond the end of the row are cut off,
    and lone surrogates are left out. As in AllenNLP, `BEGIN_SENTENCE` and `END_SENTENCE` are not spelled but
    have a character of their own.

    Args:
      words: the words.
      max_characters: length of a row.
    """
    ids = np.full((len(words), max_characters), _PADDING, np.int32)
    whole = {BEGIN_SENTENCE: [_BEGIN_SENTENCE], END_SENTENCE: [_END_SENTENCE]}
    for row, word in zip(ids, words, strict=True):
        spelling = whole.get(word) or [*word.encode("utf-8", "ignore")[: max_characters - 2]]
        row[: len(spelling) + 2] = [_BEGIN_WORD, *spelling, _END_WORD]
    return ids + 1


def weight_shapes(options: ElmoOptions) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yields the path and the shape of every dataset of weights.hdf5.

    Args:
      options: the options that the weights belong to.
    """
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
    """Returns the path of one LSTM's group in weights.hdf5."""
    return f"RNN_{direction}/RNN/MultiRNNCell/Cell{layer}/LSTMCell"


def _read_weights(path: str | Path, options: ElmoOptions) -> dict[str, np.ndarray]:
    """Returns every dataset that the options require, as float32."""
    expected = "only the layers that the options list"
    surplus = (f"CNN/W_cnn_{len(options.filters)}", f"CNN_high_{options.num_highways}/W_carry")
    with reading(path, _EXPECTED), open_hdf5(path, _EXPECTED) as file:
        # A network with fewer layers than the file would run, and compute other vectors.
        for name in (*surplus, *(f"{_cell(direction, options.num_layers)}/W_0" for direction in range(2))):
            if name in file:
                raise InputError(path, None, f"the dataset {name}", expected)
        return {name: _read(path, file, name, shape) for name, shape in weight_shapes(options)}


def _read(path: str | Path, file: Mapping[str, Any], name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Returns one dataset as float32.

    Raises:
      InputError: the dataset is missing, has another shape or type, or contains a number that is not finite.
    """
    dataset = dataset_in(file, name, path)
    if dataset is None:
        raise InputError(path, None, f"no dataset {name}", f"one of shape {shape}")
    if dataset.shape != shape or dataset.dtype.kind != "f":
        found = f"{name} of shape {dataset.shape} and type {dataset.dtype}"
        raise InputError(path, None, found, f"numbers of shape {shape}, as the options require")
    with np.errstate(over="ignore"):  # numbers too large for float32 become infinite and are refused
        values = dataset[...].astype(np.float32)
    if not np.isfinite(values).all():
        raise InputError(path, None, f"a number in {name} that is not finite", "finite weights")
    return values


def _params(options: ElmoOptions, weights: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Returns the parameters of the network's modules; the two directions are stacked."""

    def dense(group: str, kind: str) -> dict[str, np.ndarray]:
        return {"kernel": weights[f"{group}/W_{kind}"], "bias": weights[f"{group}/b_{kind}"]}

    characters: dict[str, Any] = {"projection": dense("CNN_proj", "proj")}
    # Id 0 means "no character": the file has no row for it.
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
    """Returns the parameters of one layer of LSTMs.

    The gates in the file have the order input, candidate, forget, output. The readers of these files add 1 to
    the forget gate, so its bias is raised by 1 here.
    """
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

"""The files of a pretrained encoder of BERT's family, checked completely when they are read.

An encoder is a directory: `config.json` contains the settings, `model.safetensors` (or shards with an index)
the weights, and `tokenizer.json` the word pieces. `encoders.bert.packages` lists directories that come as
Python packages.
"""

import hashlib
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from cman_jax.encoders.bert.config import BertConfig, parse_config
from cman_jax.encoders.bert.families import FAMILIES
from cman_jax.encoders.bert.packages import PACKAGES, find_package
from cman_jax.encoders.bert.weights import weight_shapes
from cman_jax.encoders.pieces import WordPieces, parse_tokenizer
from cman_jax.encoders.safetensors import read_weights, weight_files
from cman_jax.errors import InputError
from cman_jax.files import file_digest
from cman_jax.folders import inside

_OLDER_TOKENIZERS = ("vocab.txt", "vocab.json", "sentencepiece.bpe.model", "spm.model", "bpe.codes")
_CONVERSION = (
    'python -c "import sys, transformers as t; '
    't.AutoTokenizer.from_pretrained(sys.argv[1]).save_pretrained(sys.argv[1])"'
)
"""The command that writes tokenizer.json; a folder follows."""


class BertFiles(NamedTuple):
    """The contents of an encoder's directory."""

    name: str  # the package's name for its weights, else the family, such as "bert"
    config: BertConfig
    weights: dict[str, Float[np.ndarray, "..."]]  # by the checkpoint's own names, without a prefix
    pieces: WordPieces
    digest: str  # SHA-256 over all files
    texts: Mapping[str, bytes]  # the contents of config.json and tokenizer.json


def read_source(source: str | Path) -> BertFiles:
    """Reads the files of an encoder from the package of this name, or from a directory.

    Raises:
      InputError: as in `read_bert` and `find_package`.
    """
    if source in PACKAGES:
        return read_bert(find_package(source), PACKAGES[source].weights_sha256)
    return read_bert(source)


def read_bert(
    directory: str | Path, weights_sha256: str | None = None, num_layers: int | None = None
) -> BertFiles:
    """Reads and checks the files of an encoder.

    Args:
      directory: the directory of the files.
      weights_sha256: the SHA-256 that `model.safetensors` must have; None accepts any weights that fit the
        settings.
      num_layers: number of layers whose weights are read, from the lowest on; None: all layers.

    Raises:
      InputError: a file is missing, damaged or of another model, or the extra `encoders` is not installed.
    """
    folder = Path(directory)
    settings, tokenizer = inside(folder, "config.json"), inside(folder, "tokenizer.json")
    if not tokenizer.exists():
        _refuse_older_tokenizer(tokenizer)
    options = _read(settings)
    config = parse_config(settings, options)
    family = FAMILIES[config.family]
    files = weight_files(folder)
    digests = [_digest(path) for path in (settings, *files, tokenizer)]
    if weights_sha256 not in (None, digests[1]):
        raise InputError(files[0], None, f"the SHA-256 {digests[1]}", weights_sha256)
    texts = {settings.name: options, tokenizer.name: _read(tokenizer)}
    pieces = parse_tokenizer(tokenizer, texts[tokenizer.name], config.vocab_size, family.specials)
    weights = read_weights(files, weight_shapes(config, num_layers), family.prefix)
    digest = hashlib.sha256("".join(digests).encode()).hexdigest()
    return BertFiles(_name(config, digests[1]), config, weights, pieces, digest, texts)


def read_settings(folder: Path) -> BertConfig:
    """Reads the settings of an encoder from its folder, without its weights.

    Raises:
      InputError: the file is missing or damaged.
    """
    path = folder / "config.json"
    return parse_config(path, _read(path))


def read_some(
    folder: Path, config: BertConfig, shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, Float[np.ndarray, "..."]]:
    """Reads some arrays of an encoder's folder; no array needs no file.

    Args:
      folder: the folder.
      config: the settings of the encoder.
      shapes: the shape of every array that is needed, by its name.

    Raises:
      InputError: as in `read_weights`.
    """
    if not shapes:
        return {}
    return read_weights(weight_files(folder), shapes, FAMILIES[config.family].prefix)


def _name(config: BertConfig, weights_sha256: str) -> str:
    """Returns the name of the package that has these weights, or the name of the family."""
    for name, package in PACKAGES.items():
        if package.weights_sha256 == weights_sha256:
            return name
    return f"{config.family} folder" if config.family in PACKAGES else config.family


def _refuse_older_tokenizer(path: Path) -> None:
    """Raises an InputError if an older file of a tokeniser is in place of the missing tokenizer.json."""
    for name in _OLDER_TOKENIZERS:
        if (path.parent / name).is_file():
            expected = f"its conversion: {_CONVERSION} {shlex.quote(str(path.parent))}"
            raise InputError(path, None, f"no such file, but {name}", expected)


def _digest(path: Path) -> str:
    """Returns the SHA-256 of a file; raises an InputError if the file cannot be read."""
    try:
        return file_digest(path)
    except OSError as error:
        raise _unreadable(path, error) from None


def _read(path: Path) -> bytes:
    """Returns the bytes of a file; raises an InputError if the file cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: OSError) -> InputError:
    """Returns the error for a file that cannot be read."""
    return InputError(path, None, f"no readable file ({error.strerror})", "a file of the encoder")

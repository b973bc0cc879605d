"""The directory of a tiny BERT encoder: random weights, and word pieces that are single letters."""

import string
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from cman_jax.encoders.bert.config import BertConfig
from cman_jax.encoders.bert.weights import weight_shapes
from cman_jax.files import json_text
from experiments.faults.random_arrays import normal

VOCAB = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *".-[]", *string.ascii_lowercase]
VOCAB += [f"##{letter}" for letter in string.ascii_lowercase]
CONFIG = BertConfig(
    family="bert",
    vocab_size=len(VOCAB),
    num_positions=40,
    width=8,
    num_layers=2,
    num_heads=2,
    inner_width=12,
    epsilon=1e-12,
)
OPTIONS = {
    "model_type": "bert",
    "hidden_act": "gelu",
    "vocab_size": CONFIG.vocab_size,
    "max_position_embeddings": CONFIG.num_positions,
    "hidden_size": CONFIG.width,
    "num_hidden_layers": CONFIG.num_layers,
    "num_attention_heads": CONFIG.num_heads,
    "intermediate_size": CONFIG.inner_width,
    "layer_norm_eps": CONFIG.epsilon,
}


def weights() -> dict[str, np.ndarray]:
    """Returns random arrays, all different, under the checkpoint's names."""
    shapes = weight_shapes(CONFIG)
    return {name: normal(seed, *shape) for seed, (name, shape) in enumerate(shapes.items())}


def tokenizer(
    vocab: Sequence[str] = VOCAB, specials: Sequence[str] = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
) -> Tokenizer:
    """Returns a tokeniser like that of all-MiniLM-L6-v2, which truncates and pads."""
    ids = {piece: i for i, piece in enumerate(vocab)}
    unknown = next(piece for piece in ("[UNK]", "<unk>") if piece in ids)
    made = Tokenizer(models.WordPiece(ids, unk_token=unknown, max_input_chars_per_word=1000))
    made.add_special_tokens([piece for piece in specials if piece in ids])
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.enable_truncation(max_length=12)
    made.enable_padding(length=12)
    return made


def write(
    directory: Path,
    options: Any = OPTIONS,
    arrays: dict[str, np.ndarray] | None = None,
    vocab: list[str] = VOCAB,
) -> Path:
    """Writes the three files and returns their directory."""
    directory.mkdir(exist_ok=True)
    (directory / "config.json").write_text(json_text(options))
    save_file(weights() if arrays is None else arrays, directory / "model.safetensors")
    tokenizer(vocab).save(str(directory / "tokenizer.json"))
    return directory

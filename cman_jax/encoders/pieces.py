"""Words split into the pieces that an encoder reads."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int

from cman_jax.errors import InputError, missing_extra


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


def parse_tokenizer(path: Path, content: bytes, vocab_size: int) -> WordPieces:
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise missing_extra(path, "a BERT encoder", "minilm") from None
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

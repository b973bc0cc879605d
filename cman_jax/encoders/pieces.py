"""Words split into the word pieces that an encoder reads, and the tokeniser that splits them.

A tokeniser is read from the `tokenizer.json` of an encoder. Every word is split by itself, so that each piece
belongs to exactly one word. Settings in the file that would lose words or add pieces are turned off.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int

from cman_jax.errors import InputError, missing_extra


class Pieces(NamedTuple):
    """The word pieces of a sentence, without [CLS] and [SEP].

    Attributes:
      ids: id of each piece.
      words: index of the word that each piece belongs to, rising. A word may have no piece.
    """

    ids: Int[np.ndarray, " p"]
    words: Int[np.ndarray, " p"]


class WordPieces(NamedTuple):
    """A tokeniser that splits words into pieces.

    Attributes:
      tokenizer: the tokeniser, a `tokenizers.Tokenizer`.
      cls: id of [CLS], which stands before every input.
      sep: id of [SEP], which stands after every input.
    """

    tokenizer: Any
    cls: int
    sep: int

    def split(self, words: Sequence[str]) -> Pieces:
        """Returns the pieces of a sentence's words.

        Each word is split by itself, so no piece spans two words. No spelling is special: the word "[SEP]" is
        split like any other. Lone surrogates are left out because the tokeniser refuses them.

        Args:
          words: the words of the sentence.
        """
        words = [word.encode("utf-8", "ignore").decode() for word in words]
        encoding = self.tokenizer.encode(words, is_pretokenized=True, add_special_tokens=False)
        return Pieces(np.array(encoding.ids, np.int32), np.array(encoding.word_ids, np.int32))


def parse_tokenizer(path: Path, content: bytes, vocab_size: int) -> WordPieces:
    """Returns the tokeniser in a `tokenizer.json`.

    Args:
      path: the file, for error messages.
      content: the file's bytes.
      vocab_size: number of pieces that the encoder has vectors for.

    Raises:
      InputError: the content is not the tokeniser of a BERT encoder, it has too many pieces, or the extra
        `minilm` is not installed.
    """
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise missing_extra(path, "a BERT encoder", "minilm") from None
    try:
        tokenizer = Tokenizer.from_buffer(content)
    except ValueError as error:
        raise InputError(path, None, f"unreadable content ({error})", "a tokeniser") from None
    # The file sets both to 128 pieces. Truncation would lose words, and padding would add pieces.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True  # "[SEP]" in a text is a word like any other
    if (last := max(tokenizer.get_vocab().values(), default=0)) >= vocab_size:
        raise InputError(
            path, None, f"piece {last}", f"pieces below vocab_size = {vocab_size} of config.json"
        )
    cls, sep = (tokenizer.token_to_id(name) for name in ("[CLS]", "[SEP]"))
    if cls is None or sep is None:
        raise InputError(path, None, "no piece [CLS] or no piece [SEP]", "a BERT tokeniser")
    return WordPieces(tokenizer, cls, sep)

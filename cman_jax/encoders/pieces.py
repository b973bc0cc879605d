"""Words split into the word pieces that an encoder reads, and the tokeniser that splits them.

A tokeniser is read from the `tokenizer.json` of an encoder. Every word is split by itself, so that each piece
belongs to exactly one word. Settings in the file that would lose words or add pieces are turned off. Pieces
that say whether a space stands before them are those with a space, for every word.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int

from cman_jax.errors import InputError, missing_extra
from cman_jax.files import json_text, show

_TRIAL = ("a", "\U0001f9ea\u00e9")
"""Words that a tokeniser must be able to split: one that it surely knows, and one that it surely does not."""


class Pieces(NamedTuple):
    """The word pieces of a sentence, without the special pieces around them.

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
      cls: id of the special piece before every input.
      sep: id of the special piece after every input.
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


def parse_tokenizer(path: Path, content: bytes, vocab_size: int, specials: tuple[str, str]) -> WordPieces:
    """Returns the tokeniser in a `tokenizer.json`.

    Args:
      path: the file, for error messages.
      content: the file's bytes.
      vocab_size: number of pieces that the encoder has vectors for.
      specials: the special pieces before and after every input, if the file does not say which.

    Raises:
      InputError: the content is not a tokeniser, it has too many pieces, or not one special piece before and
        one after every input, or the extra `encoders` is not installed.
    """
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise missing_extra(path, "a pretrained encoder", "encoders") from None
    with _reading(path):
        tokenizer = Tokenizer.from_buffer(_after_spaces(content))
        tokenizer.encode(_TRIAL, is_pretokenized=True, add_special_tokens=False)
    # Published files set both to 128 pieces. Truncation would lose words, and padding would add pieces.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True  # "[SEP]" in a text is a word like any other
    if (last := max(tokenizer.get_vocab().values(), default=0)) >= vocab_size:
        raise InputError(
            path, None, f"piece {last}", f"pieces below vocab_size = {vocab_size} of config.json"
        )
    return WordPieces(tokenizer, *_special_ids(path, tokenizer, specials))


def _special_ids(path: Path, tokenizer: Any, specials: tuple[str, str]) -> tuple[int, int]:
    """Returns the ids of the special pieces that a tokeniser adds to every input, or else of the family's.

    Checkpoints of one family differ in them: BERT's are [CLS] and [SEP], those of Multilingual-MiniLM, which
    has BERT's network, <s> and </s>.
    """
    around = tokenizer.encode([], is_pretokenized=True, add_special_tokens=True)
    if len(around.ids) == 2:
        return around.ids[0], around.ids[1]
    if around.ids:
        found = f"the special pieces {show(' '.join(around.tokens))} around an input"
        raise InputError(path, None, found, "one before and one after")
    for name in specials:
        if tokenizer.token_to_id(name) is None:
            expected = (
                f"the special pieces {' and '.join(specials)} of the family, or others in post_processor"
            )
            raise InputError(path, None, f"no piece {name}", expected)
    return tokenizer.token_to_id(specials[0]), tokenizer.token_to_id(specials[1])


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turns every error of the library of tokenisers inside the `with` block into an InputError."""
    try:
        yield
    except BaseException as error:
        # The library raises Exception itself, and a PanicException, which is none, for its own mistakes.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        reason = show(" ".join(str(error).split()))
        raise InputError(path, None, f"unreadable content ({reason})", "a tokeniser") from None


def _after_spaces(content: bytes) -> bytes:
    """Returns a tokeniser's JSON, changed so that every word is split like a word after a space.

    Raises:
      ValueError: the content is not JSON.
      RecursionError: the JSON is nested too deeply.
    """
    parsed = json.loads(content)
    first = parsed.get("pre_tokenizer") if isinstance(parsed, dict) else None
    if not isinstance(first, dict):
        return content
    wanted = {"ByteLevel": {"add_prefix_space": True}, "Metaspace": {"prepend_scheme": "always"}}
    steps = [step for step in [first, *first.get("pretokenizers", [])] if isinstance(step, dict)]
    for step in steps:
        if step.get("type") == "Metaspace":
            step.pop("add_prefix_space", None)  # older files have this name for `prepend_scheme`
        step |= wanted.get(step.get("type"), {})
    return json_text(parsed).encode() if any(step.get("type") in wanted for step in steps) else content

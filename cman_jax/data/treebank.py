"""The tokeniser of raw text, which follows the conventions of the Penn Treebank like the corpora.

The corpora, and word vectors trained on such text, have straight quotes and dashes. The table `STRAIGHT`
therefore replaces typographic characters before the text is split. For example, "Ann’s" becomes "Ann" and
"'s", the two tokens that the network was trained on. The places of tokens refer to the original text.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from cman_jax.data.nltk_parts import nltk_module
from cman_jax.errors import InputError

STRAIGHT = {
    # An apostrophe belongs to the clitic after it ('s, n't), and single quotes look the same.
    "\u2018": "'",  # left single quotation mark
    "\u2019": "'",  # right single quotation mark, the typographic apostrophe
    "\u201a": "'",  # single low-9 quotation mark
    "\u201b": "'",  # single high-reversed-9 quotation mark
    "\u02bc": "'",  # modifier letter apostrophe
    "\u201c": '"',  # left double quotation mark
    "\u201d": '"',  # right double quotation mark
    "\u201e": '"',  # double low-9 quotation mark
    "\u201f": '"',  # double high-reversed-9 quotation mark
    # Short dashes join words and numbers as a hyphen does ("1990–95").
    "\u2010": "-",  # hyphen
    "\u2011": "-",  # non-breaking hyphen
    "\u2012": "-",  # figure dash
    "\u2013": "-",  # en dash
    "\u2212": "-",  # minus sign
    # Long dashes separate clauses like "--". They are always separate tokens, like the ellipsis.
    "\u2014": " -- ",  # em dash
    "\u2015": " -- ",  # horizontal bar
    "\u2026": " ... ",  # horizontal ellipsis
    # These are invisible and not part of a word's spelling, unlike the joiners U+200C and U+200D.
    "\u00ad": "",  # soft hyphen: where a line may break
    "\u200b": "",  # zero width space: where a line may break
    "\u2060": "",  # word joiner: where a line may not break
    "\ufeff": "",  # zero width no-break space, a byte order mark inside a text
}
"""The string that the tokeniser reads in place of a character. All whitespace is read as " "."""


class Token(NamedTuple):
    """A token with its place in the text.

    Attributes:
      text: the token in its straight form.
      start: index of the first character of the token's piece of the text.
      end: index after the last character of the piece.
    """

    text: str
    start: int
    end: int


def treebank_tokens(text: str) -> list[Token]:
    """Returns the tokens of a sentence, in order.

    Every character is in one token, except whitespace and the invisible characters next to whitespace.

    Raises:
      InputError: the extra `text` is not installed.
    """
    seen = [" " if char.isspace() else STRAIGHT.get(char, char) for char in text]
    places = [place for place, form in enumerate(seen) for _ in form]
    straight = "".join(seen)
    return [Token(straight[a:b], places[a], places[b - 1] + 1) for a, b in _spans(straight)]


def _spans(text: str) -> Sequence[tuple[int, int]]:
    """Returns the start and the end of each token of straight text."""
    try:
        tokenizer = nltk_module("nltk.tokenize.destructive").NLTKWordTokenizer()
    except ImportError:
        wanted = "the extra that tokenises it (pip install 'cman-jax[text]'), or JSON lines with tokens"
        raise InputError(Path("input"), None, "raw text", wanted) from None
    return list(tokenizer.span_tokenize(text))

"""Raw text to tokens with their places, by the conventions of the Penn Treebank, as the corpora are.

The corpora, and vectors made of such text, have straight quotes and dashes. Typographic characters therefore
become straight forms, by the table `STRAIGHT`, before the text is cut: "Ann’s" gives "Ann" and "'s", the two
tokens that the network was trained on. The places refer to the text as it stands.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from cman_jax.errors import InputError

STRAIGHT = {
    # An apostrophe belongs to the clitic behind it ('s, n't), and single quotes look the same.
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
    # Long ones part sentences as "--" does, and are tokens like the ellipsis, whatever stands beside them.
    "\u2014": " -- ",  # em dash
    "\u2015": " -- ",  # horizontal bar
    "\u2026": " ... ",  # horizontal ellipsis
    # Invisible, and inside a word no part of its spelling. (The joiners U+200C and U+200D are part of it.)
    "\u00ad": "",  # soft hyphen: where a line may break
    "\u200b": "",  # zero width space: likewise
    "\u2060": "",  # word joiner: where a line may not break
    "\ufeff": "",  # zero width no-break space, a byte order mark inside a text
}
"""What the tokeniser sees of a character. Whitespace of any kind, such as U+00A0, U+202F or a tab, is " "."""


class Token(NamedTuple):
    """A token in its straight form, and where its piece of the text starts and ends (exclusive)."""

    text: str
    start: int
    end: int


def treebank_tokens(text: str) -> list[Token]:
    """Returns the tokens of a sentence, in order.

    Every character is in one token, except whitespace and invisible characters beside it.

    Raises:
      InputError: the extra `text` is not installed.
    """
    seen = [" " if char.isspace() else STRAIGHT.get(char, char) for char in text]
    places = [place for place, form in enumerate(seen) for _ in form]
    straight = "".join(seen)
    return [Token(straight[a:b], places[a], places[b - 1] + 1) for a, b in _spans(straight)]


def _spans(text: str) -> Sequence[tuple[int, int]]:
    try:
        from nltk.tokenize import NLTKWordTokenizer
    except ImportError:
        wanted = "the extra that tokenises it (pip install 'cman-jax[text]'), or JSON lines with tokens"
        raise InputError(Path("input"), None, "raw text", wanted) from None
    return list(NLTKWordTokenizer().span_tokenize(text))

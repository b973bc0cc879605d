"""The division of running text into sentences, by NLTK's Punkt with general tables of English.

Punkt can learn abbreviations from text, but its trained models are downloads. Its decisions need two tables,
which are short for English and stand here: abbreviations, whose period does not end a sentence, and words
that begin a sentence so often that they do end it even after an abbreviation. `docs/results/sentences`
compares the result with other libraries.
"""

import functools
import re
from pathlib import Path
from typing import Any

from cman_jax.data.treebank import STRAIGHT
from cman_jax.errors import missing_extra

_ABBREVIATIONS = """
    mr mrs ms dr prof gov sen rep gen lt col sgt capt maj cmdr adm brig rev hon st jr sr messrs pres supt det
    insp amb atty
    jan feb mar apr jun jul aug sep sept oct nov dec mon tue wed thu fri sat sun
    ala ariz ark calif colo conn del fla ga ill ind kan ky la md mass mich minn miss mo mont neb nev okla ore
    pa tenn tex va vt wash wis wyo n.c s.c n.d s.d n.h n.j n.m n.y r.i w.va d.c
    co corp inc ltd llc bros assn dept univ inst est mt ft ave blvd rd
    vs etc e.g i.e cf al fig figs eq no nos vol vols pp p ed eds approx ca viz
    u.s u.k u.n u.s.a e.u a.m p.m ph.d m.d b.a m.a
"""
_STARTERS = """
    the a an this that these those he she it they we i you his her its their our my there here
    in on at by for from of to with as after before during since while when where although but and so yet
    however then if because who what why how according both some many most all another other one two three no
    not now also
"""
_BLANK_LINE = re.compile(r"\n[^\S\n]*\n")
_SAME_LENGTH = str.maketrans({char: form for char, form in STRAIGHT.items() if len(form) == 1})


def split_sentences(text: str) -> list[tuple[int, int]]:
    """Returns the start and the end of each sentence, in order, without the white space around it.

    Every character except white space is in one sentence. A blank line always ends a sentence.

    Args:
      text: running text of any number of lines.

    Raises:
      InputError: the extra `text` is not installed.
    """
    splitter, seen = _splitter(), text.translate(_SAME_LENGTH)
    sentences, start = [], 0
    for end in [*(match.start() for match in _BLANK_LINE.finditer(text)), len(text)]:
        for first, last in splitter.span_tokenize(seen[start:end]):
            piece = text[start + first : start + last]
            kept = piece.strip()
            if kept:
                begin = start + first + piece.index(kept)
                sentences.append((begin, begin + len(kept)))
        start = end
    return sentences


@functools.cache
def _splitter() -> Any:
    """Returns Punkt with the tables of this file."""
    try:
        from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer
    except ImportError:
        raise missing_extra(Path("input"), "running text", "text") from None
    parameters = PunktParameters()
    parameters.abbrev_types = set(_ABBREVIATIONS.split())
    parameters.sent_starters = set(_STARTERS.split())
    return PunktSentenceTokenizer(parameters)

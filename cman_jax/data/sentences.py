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

from cman_jax.data.nltk_parts import nltk_module
from cman_jax.data.treebank import STRAIGHT
from cman_jax.errors import missing_extra

_ABBREVIATIONS = """
    mr mrs ms dr prof gov sen rep gen lt col sgt capt maj cmdr adm brig rev hon st jr sr messrs pres supt det
    insp amb atty
    jan feb mar apr jun jul aug sep sept oct nov dec mon tue wed thu fri sat sun
    co corp inc ltd llc bros assn dept univ inst est mt ft ave blvd rd
    vs etc e.g i.e cf al fig figs eq no nos vol vols pp p ed eds approx ca viz
    u.s u.k u.n u.s.a e.u a.m p.m ph.d m.d b.a m.a
"""
_STATES = """
    Ala Ariz Ark Calif Colo Conn Del Fla Ga Ill Ind Kan Ky La Md Mass Mich Minn Miss Mo Mont Neb Nev Okla Ore
    Pa Tenn Tex Va Vt Wash Wis Wyo N.C S.C N.D S.D N.H N.J N.M N.Y R.I W.Va D.C
"""
_STARTERS = """
    the a an this that these those he she it they we i you his her its their our my there here
    in on at by for from of to with as after before during since while when where although but and so yet
    however then if because who what why how according both some many most all another other one two three no
    not now also
"""
_AFTER_STATE = re.compile(rf", (?:{'|'.join(map(re.escape, _STATES.split()))})\.\s+(?=[\"'(]?[A-Z])")
"""A place such as "Fresno, Calif." before a capital letter, where a sentence nearly always ends."""
_CONTINUES = re.compile(r"[\"'”’)\]}]*[;:,)\]}]")
"""How no sentence begins: with a mark that divides or closes."""
_AFTER_SPEECH = re.compile(r"[?!][\"'”’]+$")
"""The end of direct speech, after which a lower-case word belongs to the same sentence."""
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
    ends = {match.end() for pattern in (_BLANK_LINE, _AFTER_STATE) for match in pattern.finditer(seen)}
    sentences, start = [], 0
    for end in [*sorted(ends), len(text)]:
        before = len(sentences)
        for first, last in splitter.span_tokenize(seen[start:end]):
            piece = text[start + first : start + last]
            kept = piece.strip()
            if kept:
                begin = start + first + piece.index(kept)
                joined = len(sentences) > before and _belongs_together(seen, sentences[-1], begin)
                first_char = sentences.pop()[0] if joined else begin
                sentences.append((first_char, begin + len(kept)))
        start = end
    return sentences


def _belongs_together(text: str, sentence: tuple[int, int], begin: int) -> bool:
    """Returns whether what begins there continues the sentence, though the library ends it before."""
    if _CONTINUES.match(text, begin):
        return True
    return (
        text[begin].islower()
        and _AFTER_SPEECH.search(text[max(0, sentence[1] - 4) : sentence[1]]) is not None
    )


@functools.cache
def _splitter() -> Any:
    """Returns Punkt with the tables of this file."""
    try:
        punkt = nltk_module("nltk.tokenize.punkt")
    except ImportError:
        raise missing_extra(Path("input"), "running text", "text") from None
    parameters = punkt.PunktParameters()
    parameters.abbrev_types = {*_ABBREVIATIONS.split(), *_STATES.lower().split()}
    parameters.sent_starters = set(_STARTERS.split())
    # NLTK ends a search after five seconds, in which it counts what is done with each match. A line of a
    # megabyte takes longer. The pattern is linear, so that it needs no such limit.
    ends = re.compile(punkt.PunktLanguageVars().period_context_re().pattern, re.VERBOSE)
    language = type("Language", (punkt.PunktLanguageVars,), {"period_context_re": lambda self: ends})
    return punkt.PunktSentenceTokenizer(parameters, lang_vars=language())

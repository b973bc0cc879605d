"""Tests that typographic characters are split like straight ones, and that places refer to the text."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from nltk.tokenize import NLTKWordTokenizer

from cman_jax.data.treebank import STRAIGHT, treebank_tokens


def straight(text: str) -> str:
    """Returns the characters that the network reads, without spaces."""
    return "".join("".join(STRAIGHT.get(char, char) for char in text).split())


def words(text: str) -> list[str]:
    """Returns the tokens in their straight forms."""
    return [token.text for token in treebank_tokens(text)]


def pieces(text: str) -> list[str]:
    """Returns the tokens' pieces of the original text."""
    return [text[token.start : token.end] for token in treebank_tokens(text)]


@pytest.mark.parametrize(
    ("typographic", "typed"),
    [
        ("Warridge’s brother doesn’t live in Eastford.", "Warridge's brother doesn't live in Eastford."),
        ("Jo Oʼ Hara ‘left’ the ’90s", "Jo O' Hara 'left' the '90s"),
        ("She said “no, thanks” and „ja“.", 'She said "no, thanks" and "ja".'),
        ("‚Ja‘ he said", "'Ja' he said"),
        ("from 1990–95 the Tel‑Aviv‐based firm", "from 1990-95 the Tel-Aviv-based firm"),
        ("He left—or so—at −5 degrees – alone", "He left--or so--at -5 degrees - alone"),
        ("Well… he left…", "Well... he left..."),
        (
            "Ann’s\u00a0aide\u202fpaid 10\u2009euros\tof Ann’s\u3000money",
            "Ann's aide paid 10 euros of Ann's money",
        ),
        ("a hyphen\u00adated w\u200bord\u2060 \ufeffhere", "a hyphenated word here"),
    ],
)
def test_typographic_characters_are_split_like_straight_ones(typographic: str, typed: str) -> None:
    assert words(typographic) == words(typed) == pieces(typed)
    assert straight("".join(pieces(typographic))) == "".join(pieces(typed))


def test_places_refer_to_the_original_text() -> None:
    assert pieces("Warridge’s aide doesn’t") == ["Warridge", "’s", "aide", "does", "n’t"]
    assert pieces("No—wait… “hyphen\u00adated” ") == ["No", "—", "wait", "…", "“", "hyphen\u00adated", "”"]
    assert words("No—wait…") == ["No", "--", "wait", "..."]
    assert pieces("\u200bAnn\u200b left\u00ad") == ["Ann", "left"]


def test_long_dashes_and_ellipses_are_separate_tokens_next_to_any_character() -> None:
    assert words("a-—b") == ["a-", "--", "b"]
    assert words("a.….") == ["a.", "...", "."]
    assert pieces("——……") == ["—", "—", "…", "…"]


@pytest.mark.parametrize("text", ["", " ", "\u00a0\t", "\u200b", "\u00ad \ufeff"])
def test_text_without_a_visible_character_has_no_token(text: str) -> None:
    assert treebank_tokens(text) == []


def test_joiners_stay_in_their_word() -> None:
    assert words("می\u200cخواهم 👩\u200d👩") == ["می\u200cخواهم", "👩\u200d👩"]


SPECIAL = st.sampled_from(
    [
        *STRAIGHT,
        *"'\"`.,-:%$()[]<>«» \t\n\r\x1c\x85\u2028\u00a0",
        "''",
        "``",
        "n't",
        "cannot",
        "'s",
        "d'ye",
        "a",
    ]
)


@given(st.lists(SPECIAL | st.text(max_size=3), max_size=14).map("".join))
@example("-—-—")
@example("\"''\"`` '' “''”")
@example(".…. …")
def test_every_visible_character_is_in_one_token_at_its_place(text: str) -> None:
    tokens = treebank_tokens(text)
    assert straight(text) == "".join(token.text for token in tokens)
    for token in tokens:
        piece = text[token.start : token.end]
        assert straight(piece) == token.text != ""
        assert not any(char.isspace() for char in piece)
    ends = [0, *(token.end for token in tokens)]
    assert all(end <= token.start for end, token in zip(ends, tokens, strict=False))
    outside = "".join(text[end : token.start] for end, token in zip(ends, tokens, strict=False))
    assert straight(outside + text[ends[-1] :]) == ""


@given(
    st.lists(st.sampled_from([*"'\"`.,-:%$()ab ", "''", "``", "n't", "cannot", "'s"]), max_size=14).map(
        "".join
    )
)
def test_straight_text_is_split_as_nltk_splits_it(text: str) -> None:
    expected = list(NLTKWordTokenizer().span_tokenize(text))
    assert [(token.start, token.end) for token in treebank_tokens(text)] == expected

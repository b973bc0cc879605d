"""Tests of the division into sentences: nothing is lost, and abbreviations and quotes are understood."""

import hypothesis.strategies as st
import pytest
from hypothesis import example, given, settings

from cman_jax.data.sentences import split_sentences

ODD = st.text(st.sampled_from(" .?!\n\r\t\"'()’”“…—abcDE1.\u00a0\u2028\u200b\ufeff\x00\U0001f9ea漢ß"))


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)]


@settings(deadline=None)  # the first example loads the library
@given(ODD | st.text())
@example("")
@example(" \n \n")
@example("a.\n\nb")
def test_every_character_is_in_one_sentence(text: str) -> None:
    spans = split_sentences(text)
    inside = "".join(text[start:end] for start, end in spans)
    assert "".join(inside.split()) == "".join(text.split())
    ends = [0, *(end for _, end in spans)]
    assert all(end <= start < stop for end, (start, stop) in zip(ends, spans, strict=False))
    assert all(sentence == sentence.strip() for sentence in sentences(text))


@pytest.mark.parametrize(
    "expected",
    [
        ["Jane Roe works for Acme Corp. in Boston.", "She was born in Oslo."],
        ["Dr. Lee met Gov. Ann B. Roe on Jan. 5.", "It rained!", "Did it?"],
        ["He said “it is late.”", "Then he left."],
        ['He said "it is late."', "Then he left."],
        ["She lives in the U.S.", "The rest moved."],
        ["She came at 5 p.m. on Friday (by car).", "Nobody saw her."],
        ["It weighs 3.5 kg.", "It costs $4.20."],
        ["She was born in Fresno, Calif.", "Officials said so."],
        ["She came from Troy, N.Y., by car.", "The Tulsa, Okla. native left for the U.S. Senate."],
        ["What?!", "No..."],
        ["One left in May.; another (how odd!), in June.", "A third stayed."],
        ['"Is it late?" said Ann.', 'She left in haste ("at once!"); Bob stayed.', '"Yes!"', "He nodded."],
        ["“Is it late?” asked Ann.", "“No!”", "It was early."],
    ],
)
def test_english(expected: list[str]) -> None:
    assert sentences(" ".join(expected)) == expected


def test_a_blank_line_ends_a_sentence_and_a_line_end_does_not() -> None:
    assert sentences("A title\n\nThe first line\nof a text.\n  \nEnd") == [
        "A title",
        "The first line\nof a text.",
        "End",
    ]


def test_no_search_through_a_text_has_a_limit_of_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """NLTK's limit counts the time between two matches too, and a line of a megabyte takes longer."""
    redos = pytest.importorskip("nltk.redos", reason="an NLTK without limits")

    def exceeded(*arguments: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(redos.TimedPattern, "finditer", exceeded)
    assert split_sentences("Ann lives in Oslo. Bob left.") == [(0, 18), (19, 28)]

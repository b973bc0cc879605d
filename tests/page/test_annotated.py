"""Records are checked with one clear line, and every character can be displayed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cman_jax.errors import InputError
from cman_jax.page.annotated import Link, Mention, read_record, visible


def record(**changes: Any) -> dict[str, Any]:
    """A record with one relation, and these keys replaced."""
    entities = [
        {"start_char": 0, "end_char": 7, "type": "Peop", "text": "Ann Lee", "probability": 0.5},
        {"start_char": 13, "end_char": 17, "type": "Loc", "text": "Oslo"},
    ]
    relations = [{"subject": 0, "object": 1, "type": "Live_In", "probability": 1}]
    return {"id": "9", "text": "Ann Lee left Oslo.", "entities": entities, "relations": relations, **changes}


def test_a_record_is_read_with_and_without_probabilities() -> None:
    found = read_record(record(), 1)
    assert found.mentions == (Mention(0, 7, "Peop", 0.5), Mention(13, 17, "Loc", None))
    assert found.links == (Link(0, 1, "Live_In", 1.0),)
    assert (found.id, found.text) == ("9", "Ann Lee left Oslo.")


def test_a_record_without_an_id_has_its_number() -> None:
    whole = record()
    del whole["id"]
    assert read_record(whole, 4).id == "4"


def entity(**changes: Any) -> dict[str, Any]:
    return {"start_char": 0, "end_char": 3, "type": "Peop", **changes}


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"text": "a"}, "record 3: found no 'entities', expected a mapping with 'entities'"),
        (record(text=None), "record 3: found text None, expected a value of the type str"),
        (record(entities="none"), "record 3: found entities 'none', expected a value of the type Sequence"),
        (record(id=1.5), "record 3: found id 1.5, expected a value of the type str or int"),
        (record(entities=["Ann"]), "record 3, entity 0: found 'Ann', expected a mapping"),
        (
            record(entities=[entity(end_char=40)]),
            "record 3, entity 0: found start_char 0 and end_char 40, "
            "expected 0 <= start_char < end_char <= 18, the length of the text",
        ),
        (record(entities=[entity(end_char=0)]), "found start_char 0 and end_char 0"),
        (record(entities=[entity(end_char=True)]), "found end_char True, expected a value of the type int"),
        (
            record(entities=[entity(probability=1.5)]),
            "record 3, entity 0: found the probability 1.5, expected a number from 0 to 1",
        ),
        (record(entities=[entity(probability=float("nan"))]), "found the probability nan"),
        (
            record(relations=[{"subject": 0, "object": 2, "type": "Kill"}]),
            "record 3, relation 0: found object 2, expected the index of one of 2 entities",
        ),
        (record(relations=[{"subject": -1, "object": 0, "type": "Kill"}]), "found subject -1"),
    ],
)
def test_a_bad_record_is_one_line(bad: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read_record(bad, 3)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_invisible_characters_become_visible() -> None:
    assert visible("a\x00b\x1bc\x7fd") == "a␀b␛c␡d"
    assert visible("a\tb\r\nc\u2028d\x85e") == "a b  c d e"
    assert visible("a\ud800b") == "a\ufffdb"
    assert visible("שלום 👩‍🔬 “é”") == "שלום 👩‍🔬 “é”"


@given(st.text(st.characters(exclude_categories=())))
def test_a_visible_text_keeps_its_length_and_can_be_written(text: str) -> None:
    found = visible(text)
    assert len(found) == len(text)
    found.encode()
    assert visible(found) == found
    assert not [char for char in found if ord(char) < 32]

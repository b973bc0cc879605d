"""Tests that the canonical format is read as it was written, and that malformed files are refused."""

import json
import re
import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cman_jax.data.corpus import (
    load_split,
    load_splits,
    parse_sentence,
    read_jsonl,
    to_json,
    write_jsonl,
)
from cman_jax.errors import InputError
from cman_jax.files import parse_json, write_atomically
from cman_jax.types import Entity, Relation, Sentence

TOKENS = ("Ada", "Byron", "lives", "in", "Marston", ".")
ENTITIES = (Entity(0, 2, "Peop"), Entity(4, 5, "Loc"))
SENTENCE = Sentence("7", TOKENS, ENTITIES, (Relation(0, 1, "Live_In"),))

token = st.text(st.characters(codec="utf-8", exclude_categories=["Z", "C"]), min_size=1, max_size=8)
name = st.text(string.ascii_letters + "-_:/é", min_size=1, max_size=6)


@st.composite
def sentences(draw: st.DrawFn) -> Sentence:
    """Draws any sentence that the format allows, with overlapping spans too."""
    tokens = tuple(draw(st.lists(token, min_size=1, max_size=9)))
    spans = st.tuples(st.integers(0, len(tokens)), st.integers(0, len(tokens)), name)
    drawn = draw(st.lists(spans.filter(lambda span: span[0] < span[1]), max_size=5, unique=True))
    entities = tuple(Entity(*span) for span in drawn)
    index = st.integers(0, max(len(entities) - 1, 0))
    pairs = st.tuples(index, index, name).filter(lambda relation: relation[0] != relation[1])
    drawn = draw(st.lists(pairs, max_size=4, unique=True)) if len(entities) > 1 else []
    return Sentence(draw(name), tokens, entities, tuple(Relation(*relation) for relation in drawn))


@settings(deadline=None, max_examples=50)  # a busy machine is not a failure
@given(st.lists(sentences(), min_size=1, max_size=4, unique_by=lambda sentence: sentence.id))
def test_reading_gives_back_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, corpus: list[Sentence]
) -> None:
    path = tmp_path_factory.getbasetemp() / "round-trip.jsonl"
    write_jsonl(path, corpus)
    assert read_jsonl(path) == corpus


def test_the_written_form_is_the_documented_one(tmp_path: Path) -> None:
    path = tmp_path / "new" / "train.jsonl"
    write_jsonl(path, [SENTENCE._replace(tokens=("Zoë", *TOKENS[1:]))])
    assert path.read_text(encoding="utf-8") == (
        '{"id": "7", "tokens": ["Zoë", "Byron", "lives", "in", "Marston", "."], "entities": '
        '[{"start": 0, "end": 2, "type": "Peop"}, {"start": 4, "end": 5, "type": "Loc"}], '
        '"relations": [{"subject": 0, "object": 1, "type": "Live_In"}]}\n'
    )


def broken(**changes: Any) -> dict[str, Any]:
    """Returns the JSON object of SENTENCE with some keys changed."""
    return to_json(SENTENCE) | changes


def spans(*triples: tuple[Any, Any, Any]) -> list[dict[str, Any]]:
    """Returns entities as JSON objects."""
    return [dict(zip(("start", "end", "type"), triple, strict=True)) for triple in triples]


def links(*triples: tuple[Any, Any, Any]) -> list[dict[str, Any]]:
    """Returns relations as JSON objects."""
    return [dict(zip(("subject", "object", "type"), triple, strict=True)) for triple in triples]


PEOP, LOC = (0, 2, "Peop"), (4, 5, "Loc")

MALFORMED = [
    ([], "found a sentence that is [], expected a JSON object"),
    (None, "found a sentence that is None"),
    ({}, "found a sentence without 'id', expected the keys id, tokens, entities, relations"),
    (broken(text="?"), "found a sentence with the unknown key 'text'"),
    (broken(id=7), "found id = 7"),
    (broken(id=""), "found id = ''"),
    (broken(id="a\nb"), "found id = 'a\\nb'"),
    (broken(id="\ud800"), "found id = '\\ud800'"),
    (broken(tokens=[]), "found tokens that are [] in sentence '7', expected a list of at least one string"),
    (broken(tokens="Ada"), "found tokens that are 'Ada'"),
    (broken(tokens=[*TOKENS, 7]), "found token 6 = 7 in sentence '7', expected a string"),
    *(
        (broken(tokens=["a", bad]), f"found token 1 = {bad!r}")
        for bad in ("", " ", "a b", "a\n", "\ta", "a\u2028b", "a\u00a0b", "a\0b", "\ud83d")
    ),
    (broken(entities={}), "found entities that are {} in sentence '7', expected a list"),
    (broken(entities=[[0, 2, "Peop"]]), "found entity 0 that is [0, 2, 'Peop']"),
    (broken(entities=[{"start": 0, "end": 1}]), "found entity 0 without 'type'"),
    (broken(entities=[{"start": 0, "end": 1, "type": "A", "id": 3}]), "entity 0 with the unknown key 'id'"),
    (
        broken(entities=spans(PEOP, (-1, 5, "Loc"))),
        "found entity 1 start = -1 in sentence '7', expected an integer from 0 to 5",
    ),
    (broken(entities=spans(PEOP, (6, 7, "Loc"))), "found entity 1 start = 6"),
    (
        broken(entities=spans(PEOP, (5, 7, "Loc"))),
        "found entity 1 end = 7 in sentence '7', expected an integer from 6 to 6",
    ),
    (
        broken(entities=spans(PEOP, (4, 4, "Loc"))),
        "found entity 1 end = 4 in sentence '7', expected an integer from 5 to 6",
    ),
    (broken(entities=spans(PEOP, (True, 5, "Loc"))), "found entity 1 start = True"),
    (broken(entities=spans(PEOP, (4.0, 5, "Loc"))), "found entity 1 start = 4.0"),
    (broken(entities=spans(PEOP, ("4", 5, "Loc"))), "found entity 1 start = '4'"),
    (broken(entities=spans(PEOP, (4, 10**400, "Loc"))), "found entity 1 end = 1000"),
    (broken(entities=spans(PEOP, (4, 5, ""))), "found entity 1 type = ''"),
    (broken(entities=spans(PEOP, (4, 5, None))), "found entity 1 type = None"),
    (broken(entities=spans(PEOP, LOC, PEOP)), "found entity 2 equal to an earlier entity in sentence '7'"),
    (broken(relations=None), "found relations that are None in sentence '7', expected a list"),
    (
        broken(relations=links((0, 2, "Live_In"))),
        "found relation 0 object = 2 in sentence '7', expected an integer from 0 to 1",
    ),
    (broken(relations=links((-1, 1, "Live_In"))), "found relation 0 subject = -1"),
    (broken(relations=links((False, 1, "Live_In"))), "found relation 0 subject = False"),
    (broken(relations=links((1, 1, "Live_In"))), "found relation 0 between entity 1 and itself"),
    (broken(relations=links((0, 1, "A"), (0, 1, "A"))), "found relation 1 equal to an earlier relation"),
    (broken(entities=spans(PEOP)), "found relation 0 with fewer than two entities"),
]


@pytest.mark.parametrize(("obj", "message"), MALFORMED)
def test_malformed_sentences_are_refused_at_their_line(obj: Any, message: str, tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text(json.dumps(broken(id="first")) + "\n" + json.dumps(obj) + "\n")
    with pytest.raises(InputError, match=re.escape(f"{path}:2: ")) as caught:
        read_jsonl(path)
    assert message in str(caught.value)
    assert len(str(caught.value)) < len(str(path)) + 300
    assert "\n" not in str(caught.value)


GOOD = json.dumps(to_json(SENTENCE)).encode()


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (b"", None, "found an empty file, expected at least one sentence"),
        (b"\n", 1, "bad JSON"),
        (GOOD + b"\n\n", 2, "bad JSON"),
        (GOOD + b"\n" + GOOD + b"\n", 2, "found id '7' of line 1 again"),
        (GOOD + b"\n\xef\xbb\xbf" + GOOD, 2, "BOM"),  # a byte order mark is refused inside a file
        (GOOD + b"\n" + GOOD.replace(b"Ada", b"\xff"), 2, "found bytes that are not valid UTF-8"),
        (GOOD[:-1], 1, "at the end)"),
        (GOOD + b"}", 1, f"bad JSON (Extra data: column {len(GOOD) + 1}, at '}}')"),
        (b"[" * 100_000, 1, "nested too deeply"),
        (GOOD.replace(b"0", b"9" * 5000, 1), 1, "bad JSON"),
        (GOOD.replace(b'"id"', b'"tokens"'), 1, "key 'tokens' occurs twice"),
        (GOOD.replace(b"0", b"NaN", 1), 1, "start = nan"),
    ],
)
def test_malformed_files_are_refused(content: bytes, line: int | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_jsonl(path)
    assert message in str(caught.value)
    assert caught.value.line == line


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD + b"\n")
    assert read_jsonl(path) == [SENTENCE]


def test_carriage_returns_before_line_feeds_are_accepted(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_bytes(GOOD + b"\r\n")
    assert read_jsonl(path) == [SENTENCE]


def test_text_to_predict_on_needs_only_tokens() -> None:
    assert parse_sentence({"tokens": ["a"]}, "x", 12, gold=False) == Sentence("12", ("a",))
    assert parse_sentence(to_json(SENTENCE), "x", 12, gold=False) == SENTENCE
    with pytest.raises(InputError, match="found a sentence without 'tokens'"):
        parse_sentence({"id": "1"}, "x", 12, gold=False)
    with pytest.raises(InputError, match="x:12: found entity 0 end = 9"):
        parse_sentence({"tokens": ["a"], "entities": spans((0, 9, "A"))}, "x", 12, gold=False)


def test_sentences_that_cannot_be_read_are_not_written(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    write_jsonl(path, [SENTENCE])
    for bad in ([], [SENTENCE, SENTENCE._replace(tokens=("a b",))], [SENTENCE._replace(id=" ")]):
        with pytest.raises(InputError):
            write_jsonl(path, bad)
    assert read_jsonl(path) == [SENTENCE]
    assert [item.name for item in tmp_path.iterdir()] == ["train.jsonl"]


def test_a_failing_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def full_disk(self: Path, content: bytes) -> int:
        with open(self, "wb") as file:
            file.write(content[:1])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [item.name for item in tmp_path.iterdir()] == ["file"]


def test_the_error_for_a_missing_split_lists_the_existing_ones(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere: found no such directory, expected a corpus"):
        load_split(tmp_path / "nowhere", "train")
    with pytest.raises(InputError, match="nor any other split"):
        load_split(tmp_path, "train")
    write_jsonl(tmp_path / "test.jsonl", [SENTENCE])
    write_jsonl(tmp_path / "fold_0" / "train.jsonl", [SENTENCE])
    with pytest.raises(InputError, match=r"train\.jsonl: found no such file, but test, fold_0/, expected .*"):
        load_split(tmp_path, "train")
    assert load_split(tmp_path, "test") == [SENTENCE]


def test_json_errors_name_the_place_and_quote_it() -> None:
    with pytest.raises(InputError, match=r"f:3: found bad JSON \(.* column 9, at 'oops}'\)"):
        parse_json('{"a": 1 oops}', lambda found, expected: InputError("f", 3, found, expected))


def test_a_run_reads_train_and_dev_and_test_if_it_exists(tmp_path: Path) -> None:
    for split in ("dev", "train"):
        write_jsonl(tmp_path / f"{split}.jsonl", [SENTENCE])
    assert load_splits(tmp_path) == {"train": [SENTENCE], "dev": [SENTENCE]}
    write_jsonl(tmp_path / "test.jsonl", [SENTENCE])
    assert load_splits(tmp_path) == {"train": [SENTENCE], "dev": [SENTENCE], "test": [SENTENCE]}

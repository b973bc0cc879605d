"""Tests that errors about SpERT's JSON name the line and the sentence, for any layout of the file."""

from pathlib import Path

import pytest

from cman_jax.data.formats.oddities import Oddity
from cman_jax.data.formats.spert import OVERLAP, read_spert
from cman_jax.errors import InputError


def write(tmp_path: Path, text: str) -> Path:
    """Writes a file and returns its path."""
    path = tmp_path / "train.json"
    path.write_text(text)
    return path


ITEM = (
    '{"tokens": ["Ada", "left"], "entities": [{"type": "Peop", "start": 0, "end": 1}], '
    '"relations": [], "orig_id": 5}'
)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (
            f"[{ITEM}, {ITEM.replace('5', '6').replace('0', '2')}]",
            1,
            "found entity 0 start = 2 in sentence '6' (sentence 2 of the file)",
        ),
        (f"[\n{ITEM},\n{{]", 3, "column 2, at ']') in sentence 2 of the file"),
        (f"[\n{ITEM},\n]", 3, "found bad JSON (Expecting value: column 1, at ']') in sentence 2 of the file"),
        (f"[{ITEM}\n{ITEM}]", 2, "after sentence 1, expected a comma or the array's end"),
        (f"[{ITEM}}}", 1, "found '}' after sentence 1"),
        (f"[{ITEM}", 1, "expected a comma or the array's end"),
        (f"[{ITEM}]\n ]", 2, "found ']' after the array"),
        ("[]", None, "found an empty array"),
        ("", 1, "expected a JSON array of sentences"),
        (ITEM, 1, "expected a JSON array of sentences"),
        (f"[{ITEM}, 3]", 1, "found a sentence that is 3 (sentence 2 of the file)"),
        (f"[{ITEM}, {'[' * 100_000}]", 1, "found bad JSON (nested too deeply) in sentence 2 of the file"),
        (f"[{ITEM.replace('5', 'true')}]", 1, "found orig_id True (sentence 1 of the file)"),
        (f"[{ITEM.replace('5', '9' * 5000)}]", 1, ") in sentence 1 of the file"),
        (
            f"[{ITEM.replace('orig_id', 'tokens')}]",
            1,
            "found bad JSON (key 'tokens' occurs twice) in sentence 1 of the file",
        ),
        (
            f"[{ITEM.replace('Ada', chr(92) + 'ud800')}]",
            1,
            r"found token 0 = '\ud800' in sentence '5' (sentence 1 of the file)",
        ),
        (
            f"[{ITEM.replace('[]', '[{}]')}]",
            1,
            "found relation 0 of orig_id 5 without 'type' (sentence 1 of the file), expected the keys type, ",
        ),
    ],
)
def test_malformed_json_names_line_and_sentence(
    text: str, line: int | None, message: str, tmp_path: Path
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(InputError) as caught:
        read_spert(path)
    assert message in str(caught.value)
    assert caught.value.line == line


def test_whitespace_between_sentences_does_not_matter(tmp_path: Path) -> None:
    second = ITEM.replace("5", '"6"')
    read = read_spert(write(tmp_path, f" [\n{ITEM} ,\n {second}\n]\n"))
    assert [sentence.id for sentence in read[0]] == ["5", "6"]
    assert read == read_spert(write(tmp_path, f"[{ITEM},{second}]"))


def test_overlapping_entities_are_counted(tmp_path: Path) -> None:
    spans = [(0, 2), (1, 2), (0, 1)]
    entities = ", ".join(f'{{"type": "Peop", "start": {start}, "end": {end}}}' for start, end in spans)
    path = write(
        tmp_path, f'[{{"tokens": ["a", "b"], "entities": [{entities}], "relations": [], "orig_id": 8}}]'
    )
    sentences, oddities, _ = read_spert(path)
    assert len(sentences[0].entities) == 3
    assert oddities == [
        Oddity(str(path), 1, OVERLAP, "sentence 1 (orig_id 8), entities 0 and 1"),
        Oddity(str(path), 1, OVERLAP, "sentence 1 (orig_id 8), entities 0 and 2"),
    ]


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    plain = read_spert(write(tmp_path, f"[{ITEM}]"))
    assert read_spert(write(tmp_path, f"\ufeff[{ITEM}]")) == plain
    assert plain[0][0].id == "5"

"""SpERT's JSON: errors name the line and the sentence, and the layout of the file does not matter."""

from pathlib import Path

import pytest

from cman_jax.data.formats.oddities import Oddity
from cman_jax.data.formats.spert import OVERLAP, read_spert
from cman_jax.errors import InputError


def write(tmp_path: Path, text: str) -> Path:
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
            "found in sentence 2 entity 0 start = 2",
        ),
        (f"[{ITEM},\n\n{ITEM}]", 3, "found in sentence 2 the orig_id 5 of sentence 1"),
        (f"[\n{ITEM},\n{{]", 3, "found in sentence 2 bad JSON"),
        (f"[\n{ITEM},\n]", 3, "found in sentence 2 bad JSON"),
        (f"[{ITEM}\n{ITEM}]", 2, "after sentence 1, expected a comma or the array's end"),
        (f"[{ITEM}}}", 1, "found '}' after sentence 1"),
        (f"[{ITEM}", 1, "expected a comma or the array's end"),
        (f"[{ITEM}]\n ]", 2, "found ']' after the array"),
        ("[]", None, "found an empty array"),
        ("", 1, "expected a JSON array of sentences"),
        (ITEM, 1, "expected a JSON array of sentences"),
        (f"[{ITEM}, 3]", 1, "found in sentence 2 a sentence that is 3"),
        (f"[{ITEM}, {'[' * 100_000}]", 1, "found in sentence 2 bad JSON (nested too deeply)"),
        (f"[{ITEM.replace('5', 'true')}]", 1, "found in sentence 1 orig_id True"),
        (f"[{ITEM.replace('5', '9' * 5000)}]", 1, "found in sentence 1 bad JSON"),
        (f"[{ITEM.replace('orig_id', 'tokens')}]", 1, "found in sentence 1 bad JSON (key 'tokens' occurs"),
        (f"[{ITEM.replace('Ada', chr(92) + 'ud800')}]", 1, r"found in sentence 1 token 0 = '\ud800'"),
        (
            f"[{ITEM.replace('[]', '[{}]')}]",
            1,
            "found in sentence 1 relation 0 without 'type', expected the keys type, head, tail",
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


def test_white_space_between_sentences_is_free(tmp_path: Path) -> None:
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
    sentences, oddities = read_spert(path)
    assert len(sentences[0].entities) == 3
    assert oddities == [
        Oddity(str(path), 1, OVERLAP, "sentence 1 (orig_id 8), entities 0 and 1"),
        Oddity(str(path), 1, OVERLAP, "sentence 1 (orig_id 8), entities 0 and 2"),
    ]


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    plain = read_spert(write(tmp_path, f"[{ITEM}]"))
    assert read_spert(write(tmp_path, f"\ufeff[{ITEM}]")) == plain
    assert plain[0][0].id == "5"

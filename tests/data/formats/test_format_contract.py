"""The contract of every format: golden samples, and the way back through each format.

`experiments.faults.corpora` damages files, and its test does so a few times.
"""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cman_jax.data.formats import bekoulis, brat, conll, doccano, spert, standoff
from cman_jax.data.formats.oddities import ENTITY_TWICE, SELF, count_kinds
from cman_jax.data.formats.registry import FORMATS, recognise
from cman_jax.data.formats.standoff import DEFAULT_LAYOUT
from cman_jax.errors import InputError
from cman_jax.types import Entity, Relation, Sentence
from experiments.faults.corpora import AS_WRITTEN
from experiments.faults.format_samples import DOCCANO_LABELS, SAMPLES, Sample

NAMES = sorted(SAMPLES)


def test_every_format_has_a_sample() -> None:
    assert SAMPLES.keys() == FORMATS.keys() - {"tfds"}  # whose files are not text: test_tfds.py


def write(sample: Sample, folder: Path, change: Callable[[str], str] = str) -> Path:
    """Writes a sample's files and returns the path that its reader is called with."""
    for name, content in sample.files.items():
        (folder / name).write_bytes(change(content).encode())
    return folder if len(sample.files) > 1 else folder / next(iter(sample.files))


@pytest.mark.parametrize("name", NAMES)
def test_the_sample_is_recognised_and_read_to_the_last_annotation(name: str, tmp_path: Path) -> None:
    path = write(SAMPLES[name], tmp_path)
    assert recognise(path) == name
    reading = FORMATS[name].read(path, DEFAULT_LAYOUT)
    assert reading.sentences == SAMPLES[name].sentences
    assert count_kinds(reading.oddities) == SAMPLES[name].oddities
    assert len(reading.documents) == len(reading.sentences)


@pytest.mark.parametrize("name", sorted(NAMES))
@pytest.mark.parametrize("end", ["\r\n", "none", "bom"])
def test_line_ends_and_byte_order_marks_do_not_matter(name: str, end: str, tmp_path: Path) -> None:
    change = {
        "\r\n": lambda text: text.replace("\n", "\r\n") if not text.startswith("Jane Roe") else text,
        "none": lambda text: text.removesuffix("\n"),
        "bom": lambda text: "\ufeff" + text,
    }[end]
    path = write(SAMPLES[name], tmp_path, change)
    assert recognise(path) == name
    assert FORMATS[name].read(path, DEFAULT_LAYOUT).sentences == SAMPLES[name].sentences


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_file_is_refused(name: str, tmp_path: Path) -> None:
    path = write(SAMPLES[name], tmp_path, lambda text: "")
    with pytest.raises(InputError, match=r"^\S+: found .+, expected .+") as caught:
        FORMATS[name].read(path, DEFAULT_LAYOUT)
    assert caught.value.path.startswith(str(tmp_path))


ODD_WORDS = Sentence(
    "odd 3",
    ("(", "naïve", "\U0001f9ea", "don't", "#x", "C/O", "Ann-Marie", "-", ")"),
    (Entity(1, 3, "A-B"), Entity(5, 7, "C_D"), Entity(8, 9, "A-B")),
    (Relation(0, 1, "r_1"), Relation(1, 0, "r_1"), Relation(2, 0, "r-2")),
)
MARK = Sentence("mark", ("\ufeff", "left"), (Entity(1, 2, "A-B"),))
HASH = Sentence("hash", ("#id=5", "left"), (Entity(0, 1, "A-B"),))
OVERLAPPING = Sentence(
    "4", ("a", "b", "c"), (Entity(0, 3, "X"), Entity(1, 2, "X"), Entity(0, 3, "Y")), (Relation(2, 0, "of"),)
)


@pytest.mark.parametrize("name", [name for name in NAMES if FORMATS[name].write])
def test_sentences_come_back_from_every_format_that_can_be_written(name: str, tmp_path: Path) -> None:
    form = FORMATS[name]
    sentences = [*SAMPLES["canonical"].sentences, ODD_WORDS, HASH, MARK]
    sentences += [] if name == "conll" else [OVERLAPPING]
    path = tmp_path / f"out{form.suffix}"
    form.write(path, sentences)
    assert recognise(path) == name
    reading = form.read(path, AS_WRITTEN)
    assert sorted(reading.sentences) == sorted(sentences)
    assert not {*count_kinds(reading.oddities)} - {spert.OVERLAP}


def test_bio_tags_cannot_express_overlaps(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"found overlapping entities in sentence '4', expected"):
        conll.write_conll(tmp_path / "x.conll", [OVERLAPPING])


def test_columns_cannot_hold_the_token_that_begins_a_document(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="found the token -DOCSTART- in sentence '5', expected other tokens"):
        conll.write_conll(tmp_path / "x.conll", [Sentence("5", ("a", "-DOCSTART-"))])


def test_columns_cannot_hold_the_type_of_no_relation(tmp_path: Path) -> None:
    sentence = SAMPLES["canonical"].sentences[0]
    sentence = sentence._replace(relations=(Relation(0, 1, "N"),))
    with pytest.raises(InputError, match=r"found the relation type 'N' in sentence .*, expected other types"):
        conll.write_conll(tmp_path / "x.conll", [sentence])


@pytest.mark.parametrize("name", [".a", "a/.b", "a//b", "a/", "/a", "../a", "a\\b"])
def test_brat_cannot_hold_ids_that_are_no_names_of_visible_files(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"found the id .*, expected ids that can be names of files inside"):
        brat.write_brat(tmp_path / "x", [Sentence(name, ("a",))])


def test_a_blank_line_with_a_tab_does_not_make_tabs_the_separator(tmp_path: Path) -> None:
    path = tmp_path / "x.conll"
    path.write_text("Jane B-Person\n\t\n# said\n#1 O\n")
    assert [s.tokens for s in conll.read_conll(path).sentences] == [("Jane",), ("#1",)]


@pytest.mark.parametrize("lists", ["[]\t[0]", "['N']\t[1]", "['N']\t[]"])
def test_relation_columns_that_contradict_one_another_are_refused(lists: str, tmp_path: Path) -> None:
    path = tmp_path / "x.conll"
    path.write_text(f"Jane\tB-Person\t{lists}\nleft\tO\t[]\t[]\n")
    with pytest.raises(InputError, match=r"x\.conll:1: found .*, expected ") as caught:
        conll.read_conll(path)
    assert caught.value.line == 1


@pytest.mark.parametrize("name", ["canonical", "spert"])
def test_a_relation_of_an_entity_to_itself_is_left_out(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"in{FORMATS[name].suffix}"
    ends = ("head", "tail") if name == "spert" else ("subject", "object")
    entities = [{"type": "X", "start": k, "end": k + 1} for k in (0, 1, 0)]  # the last repeats the first
    relations = [{ends[0]: s, ends[1]: o, "type": "of"} for s, o in ((0, 1), (1, 1), (2, 0))]
    value = {"id": "7", "tokens": ["a", "b"], "entities": entities, "relations": relations}
    if name == "spert":
        value["orig_id"] = value.pop("id")
    path.write_text(json.dumps([value] if name == "spert" else value))
    reading = FORMATS[name].read(path, DEFAULT_LAYOUT)
    assert reading.sentences[0].relations == (Relation(0, 1, "of"),)
    assert count_kinds(reading.oddities) == {SELF: 2, ENTITY_TWICE: 1}


@pytest.mark.parametrize("name", ["doccano", "labelstudio"])
def test_a_text_without_words_and_its_span_are_named(name: str, tmp_path: Path) -> None:
    texts = {"1": "Ann left.", "2": "\u200b \u200b", "3": ""}
    if name == "doccano":
        lines = [
            {"id": key, "text": text, "label": [[0, 3, "X"]] * bool(text)} for key, text in texts.items()
        ]
        content = "".join(f"{json.dumps(line)}\n" for line in lines)
    else:
        span = {"id": "a", "type": "labels", "value": {"start": 0, "end": 3, "labels": ["X"]}}
        content = json.dumps(
            [
                {"id": key, "data": {"text": text}, "annotations": [{"result": [span] * bool(text)}]}
                for key, text in texts.items()
            ]
        )
    path = tmp_path / f"in{FORMATS[name].suffix}"
    path.write_text(content)
    reading = FORMATS[name].read(path, DEFAULT_LAYOUT)
    assert [sentence.id for sentence in reading.sentences] == ["1"]
    assert count_kinds(reading.oddities) == {standoff.NO_WORDS: 2, standoff.BLANK: 1}


@pytest.mark.parametrize("name", ["doccano", "labelstudio"])
def test_half_of_a_surrogate_pair_in_a_text_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "in.json"
    span = '{"id": "a", "type": "labels", "value": {"start": 0, "end": 1, "text": "?", "labels": ["X"]}}'
    path.write_text(
        '{"text": "a \\ud800", "label": []}'
        if name == "doccano"
        else f'[{{"data": {{"text": "a \\ud800"}}, "annotations": [{{"result": [{span}]}}]}}]'
    )
    with pytest.raises(InputError, match=r"in\.json:1: found .*, expected "):
        FORMATS[name].read(path, DEFAULT_LAYOUT)


def test_columns_that_count_the_tokens_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.conll"
    path.write_text("1 Jane B-Person\n2 left O\n\n1 Ann B-Person\n")
    with pytest.raises(InputError, match="found a first column that counts the tokens, expected the tokens"):
        conll.read_conll(path)


def test_doccanos_first_shape(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    path.write_text(DOCCANO_LABELS)
    reading = doccano.read_doccano(path)
    jane = SAMPLES["canonical"].sentences[0]
    assert reading.sentences[0] == Sentence("7", jane.tokens, jane.entities)
    assert reading.sentences[1] == Sentence("8", ("Ann", "is", "here", "."))


@pytest.mark.parametrize("field", range(5))
def test_a_damaged_cell_is_refused_with_its_line(field: int, tmp_path: Path) -> None:
    lines = SAMPLES["bekoulis"].files["b.txt"].split("\n")
    path = tmp_path / "damaged"
    for line, text in enumerate(lines):
        cells = text.split("\t")
        if len(cells) == 5:
            cells[field] = "\0"
            path.write_text("\n".join([*lines[:line], "\t".join(cells), *lines[line + 1 :]]))
            with pytest.raises(InputError) as caught:
                bekoulis.read_columns(path)
            assert caught.value.line == line + 1

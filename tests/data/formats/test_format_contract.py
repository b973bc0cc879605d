"""The contract of every format: golden samples, damaged files, and the way back through each format.

A damaged file has only two valid outcomes. If it is read, every annotation of the file is in a sentence or
among the oddities, by an independent count. If it is refused, the error names a file, and the line or the
whole file. Another exception, a silent loss or a hang fails.
"""

import json
import random
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cman_jax.data.formats import bekoulis, brat, canonical, conll, doccano, spert, standoff
from cman_jax.data.formats.oddities import Reading, count_kinds
from cman_jax.data.formats.registry import FORMATS, recognise
from cman_jax.data.formats.standoff import DEFAULT_LAYOUT, Layout
from cman_jax.errors import InputError
from cman_jax.types import Entity, Relation, Sentence
from experiments.faults.campaign import time_limit
from experiments.faults.damage import damage
from tests.data.formats.samples import DOCCANO_LABELS, SAMPLES, Sample

NAMES = sorted(SAMPLES)
BLOCKS, CASES_PER_BLOCK = 8, 250
SECONDS_PER_CASE = 5.0
AS_WRITTEN = Layout(sentences="line", tokens="spaces")


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
    with pytest.raises(InputError) as caught:
        FORMATS[name].read(path, DEFAULT_LAYOUT)
    check_refusal(caught.value, tmp_path, 1)


ODD_WORDS = Sentence(
    "odd 3",
    ("(", "naïve", "\U0001f9ea", "don't", "#x", "C/O", "Ann-Marie", "-", ")"),
    (Entity(1, 3, "A-B"), Entity(5, 7, "C_D"), Entity(8, 9, "A-B")),
    (Relation(0, 1, "r_1"), Relation(1, 0, "r_1"), Relation(2, 0, "r-2")),
)
OVERLAPPING = Sentence(
    "4", ("a", "b", "c"), (Entity(0, 3, "X"), Entity(1, 2, "X"), Entity(0, 3, "Y")), (Relation(2, 0, "of"),)
)


@pytest.mark.parametrize("name", [name for name in NAMES if FORMATS[name].write])
def test_sentences_come_back_from_every_format_that_can_be_written(name: str, tmp_path: Path) -> None:
    form = FORMATS[name]
    sentences = [*SAMPLES["canonical"].sentences, ODD_WORDS]
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


LOST = (
    *(standoff.BLANK, standoff.SAME, standoff.APART, standoff.LEFT_OUT, standoff.SELF, standoff.TWICE),
    *(brat.DISCONTINUOUS, brat.EVENT, brat.ATTRIBUTE, brat.EQUIVALENCE),
    *(canonical.ENTITY_TWICE, canonical.RELATION_TWICE),
    *(bekoulis.OUTSIDE, bekoulis.SELF, bekoulis.DUPLICATE, conll.OUTSIDE, conll.SELF, conll.TWICE),
)


def kept_and_lost(reading: Reading) -> int:
    """Returns the number of entities and relations in the sentences and among the oddities."""
    kept = sum(len(s.entities) + len(s.relations) for s in reading.sentences)
    return kept + sum(count for kind, count in count_kinds(reading.oddities).items() if kind in LOST)


def count_canonical(text: str) -> int:
    values = [json.loads(line) for line in text.removesuffix("\n").split("\n")]
    return sum(len(value["entities"]) + len(value["relations"]) for value in values)


def count_spert(text: str) -> int:
    return sum(len(value["entities"]) + len(value["relations"]) for value in json.loads(text))


def count_columns(text: str) -> int:
    """Counts the entities, whose begin is B- or a change of type, and the relations of column formats."""
    count, before = 0, "O"
    for line in text.split("\n"):
        cells = line.removesuffix("\r").split("\t")
        tags = [cell for cell in cells if re.fullmatch(r"O|[BIESLU]-\S+", cell)]
        if line.startswith("#") or len(cells) < 2 or not tags:
            before = "O"
            continue
        tag = tags[-1]
        kind = tag.partition("-")[2]
        count += tag[0] in "BSU" or (tag != "O" and kind != before.partition("-")[2])
        count += len(re.findall(r"'[^']+'", cells[-2])) - cells[-2].count("'N'")
        before = tag
    return count


def count_brat(text: str) -> int:
    return sum(bool(line.strip()) for line in text.split("\n"))


def count_doccano(text: str) -> int:
    values = [json.loads(line) for line in text.split("\n") if line.strip()]
    keys = ("entities", "relations", "label", "labels")
    return sum(
        len(value.get(key, []))
        for value in values
        for key in keys
        if ("entities" in value) == (key in keys[:2])
    )


def count_labelstudio(text: str) -> int:
    """Counts labels of spans, and relations by label and direction."""
    count = 0
    for task in json.loads(text):
        usable = [a for a in task.get("annotations", task.get("completions")) if not a.get("was_cancelled")]
        usable.sort(key=lambda annotation: not annotation.get("ground_truth"))
        for result in usable[0]["result"] if usable else []:
            count += count_result(result)
    return count


def count_result(result: Any) -> int:
    """Counts the annotations of one of Label Studio's results."""
    if not isinstance(result, dict):
        return 0
    if result.get("type") == "relation":
        return len(result.get("labels") or []) * (2 if result.get("direction") == "bi" else 1)
    value = result.get("value")
    return len(value["labels"]) if isinstance(value, dict) and value.get("labels") is not None else 0


COUNTS = {
    "canonical": count_canonical,
    "spert": count_spert,
    "bekoulis": count_columns,
    "conll": count_columns,
    "brat": count_brat,
    "doccano": count_doccano,
    "labelstudio": count_labelstudio,
}


def tokens_in_json(values: list[Any]) -> list[str]:
    return [token for value in values for token in value["tokens"]]


def tokens_in_columns(text: str) -> list[str]:
    rows = [line.removesuffix("\r").split("\t") for line in text.split("\n") if not line.startswith("#")]
    position = 1 if text.startswith("#doc") else 0
    return [[cell for cell in cells if cell][position] for cells in rows if len(cells) > 1]


def words_of_labelstudio(text: str) -> list[str]:
    data = [task["data"] for task in json.loads(text)]
    texts = [d["text"] if isinstance(d.get("text"), str) else strings(d)[0] for d in data]
    return [word for each in texts for word in each.split()]


def strings(data: dict[str, Any]) -> list[str]:
    return [value for value in data.values() if isinstance(value, str)]


def jsonl(text: str) -> list[Any]:
    return [json.loads(line) for line in text.split("\n") if line.strip()]


TOKENS = {
    "canonical": lambda text: tokens_in_json(jsonl(text)),
    "spert": lambda text: tokens_in_json(json.loads(text)),
    "bekoulis": tokens_in_columns,
    "conll": tokens_in_columns,
    "brat": lambda _: SAMPLES["brat"].files["a.txt"].split(),
    "doccano": lambda text: [word for value in jsonl(text) for word in value["text"].split()],
    "labelstudio": words_of_labelstudio,
}


def check_refusal(error: InputError, folder: Path, num_lines: int) -> None:
    """Raises AssertionError unless the error is one short line that names a file, and a line of it."""
    assert re.fullmatch(re.escape(str(folder)) + r"[^:\n]*(:\d+)?: found .+, expected .+", str(error))
    assert len(str(error)) < 700
    assert error.line is None or 1 <= error.line <= num_lines


def outcome(content: bytes, name: str, folder: Path) -> str:
    """Reads a damaged file, checks the outcome, and returns "read" or "refused"."""
    file = folder / next(iter(SAMPLES[name].files))
    file.write_bytes(content)
    path = folder if len(SAMPLES[name].files) > 1 else file
    try:
        with time_limit(SECONDS_PER_CASE):
            reading = FORMATS[name].read(path, AS_WRITTEN)
    except InputError as error:
        check_refusal(error, folder, content.count(b"\n") + 1)
        return "refused"
    text = content.decode().removeprefix("\ufeff")
    assert kept_and_lost(reading) == COUNTS[name](text)
    assert [token for sentence in reading.sentences for token in sentence.tokens] == TOKENS[name](text)
    assert max(Counter(sentence.id for sentence in reading.sentences).values()) == 1
    return "read"


@pytest.mark.parametrize("block", range(BLOCKS))
@pytest.mark.parametrize("name", NAMES)
def test_damaged_files(name: str, block: int, tmp_path: Path) -> None:
    write(SAMPLES[name], tmp_path)
    whole = next(iter(SAMPLES[name].files.values())).encode()
    outcomes = set()
    for case in range(block * CASES_PER_BLOCK, (block + 1) * CASES_PER_BLOCK):
        rng = random.Random(f"{name} {case}")
        content = whole
        for _ in range(rng.choice([1, 1, 1, 2, 4])):
            content = damage(content, rng)
        try:
            outcomes.add(outcome(content, name, tmp_path))
        except BaseException as error:
            error.add_note(f"case {case} of {name}: {tmp_path}")
            raise
    assert outcomes == {"read", "refused"}  # the damage is neither always harmless nor always fatal


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

"""Tests of CoNLL04 from both publishers: the known counts, the known oddities, and the program."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from cman_jax.data.corpus import load_split, read_jsonl, write_jsonl
from cman_jax.data.formats.bekoulis import BOTH_WAYS, NO_B
from cman_jax.data.formats.oddities import Reading
from cman_jax.data.statistics import count_contradictions, keys_of, measure, shared_sentences
from cman_jax.errors import InputError
from data_prep.conll04 import convert, read_split

Splits = dict[str, Reading]


@pytest.fixture(scope="module")
def bekoulis(shared_data: Path) -> Splits:
    source = shared_data / "conll04" / "bekoulis"
    return {split: read_split(source, "bekoulis", split) for split in ("train", "dev", "test")}


@pytest.fixture(scope="module")
def spert(shared_data: Path) -> Splits:
    source = shared_data / "conll04" / "spert"
    return {split: read_split(source, "spert", split) for split in ("train", "dev", "test")}


def counts(splits: Splits) -> list[tuple[int, int, int]]:
    """Returns the numbers of sentences, entities and relations of each split."""
    return [
        (len(sentences), sum(len(s.entities) for s in sentences), sum(len(s.relations) for s in sentences))
        for sentences, *_ in splits.values()
    ]


def test_counts(bekoulis: Splits, spert: Splits) -> None:
    assert counts(bekoulis) == [(910, 3393, 1273), (243, 877, 353), (288, 1079, 422)]
    assert counts(spert) == [(922, 3377, 1283), (231, 893, 343), (288, 1079, 422)]


@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_types(bekoulis: Splits, spert: Splits, split: str) -> None:
    expected = (("Loc", "Org", "Other", "Peop"), ("Kill", "Live_In", "Located_In", "OrgBased_In", "Work_For"))
    for splits in (bekoulis, spert):
        found = measure(splits[split][0])
        assert (tuple(sorted(found.entity_types)), tuple(sorted(found.relation_types))) == expected


def test_both_splits_test_on_the_same_sentences(bekoulis: Splits, spert: Splits) -> None:
    ours, theirs = ({s.id: s for s in splits["test"][0]} for splits in (bekoulis, spert))
    assert ours.keys() == theirs.keys()
    for doc, sentence in ours.items():
        assert Counter(e.type for e in sentence.entities) == Counter(e.type for e in theirs[doc].entities)
        assert Counter(r.type for r in sentence.relations) == Counter(r.type for r in theirs[doc].relations)


def test_332_sentences_are_tokenised_differently(bekoulis: Splits, spert: Splits) -> None:
    ours, theirs = (
        {s.id: s.tokens for sentences, *_ in splits.values() for s in sentences}
        for splits in (bekoulis, spert)
    )
    assert ours.keys() == theirs.keys()
    assert sum(ours[doc] != theirs[doc] for doc in ours) == 332


def test_exactly_the_known_oddities_are_reported(bekoulis: Splits, spert: Splits) -> None:
    found = {split: [(o.line, o.kind) for o in oddities] for split, (_, oddities, _) in bekoulis.items()}
    assert found == {"train": [(3176, NO_B), (25434, NO_B)], "dev": [(5816, BOTH_WAYS)], "test": []}
    details = [oddity.detail for oddity in bekoulis["train"][1]]
    assert details[0] == "document 4295, token 31, I-Loc, in 2 relations"
    assert details[1] == "document 1395, token 34, I-Org, in 0 relations"
    assert [reading.oddities for reading in spert.values()] == [[], [], []]


def test_entities_that_start_without_b_are_read(bekoulis: Splits) -> None:
    train = {sentence.id: sentence for sentence in bekoulis["train"][0]}
    loc = next(i for i, entity in enumerate(train["4295"].entities) if entity.start == 31)
    assert train["4295"].entities[loc].type == "Loc"
    assert [r.object for r in train["4295"].relations].count(loc) == 2
    assert any(entity.start == 34 and entity.type == "Org" for entity in train["1395"].entities)


def test_every_relation_of_the_file_is_read(bekoulis: Splits, shared_data: Path) -> None:
    """Compares (document, last token, last token, type) with an independent reading of the columns."""
    for split, (sentences, *_) in bekoulis.items():
        expected = set()
        doc = ""
        for line in (shared_data / "conll04" / "bekoulis" / f"{split}.txt").read_text().splitlines():
            cells = line.split("\t")
            if len(cells) == 1:
                doc = line.split()[1]
            elif cells[3] != "['N']":
                types, ends = cells[3].strip("[]").split(", "), cells[4].strip("[]").split(", ")
                expected |= {
                    (doc, int(cells[0]), int(e), t.strip("'")) for t, e in zip(types, ends, strict=True)
                }
        found = {
            (s.id, s.entities[r.subject].end - 1, s.entities[r.object].end - 1, r.type)
            for s in sentences
            for r in s.relations
        }
        assert found == expected


def test_sentences_that_occur_in_two_splits(bekoulis: Splits) -> None:
    splits = [sentences for sentences, *_ in bekoulis.values()]
    train, dev, test = map(keys_of, splits)
    assert shared_sentences(test, train) == 21
    assert shared_sentences(dev, train) == 13
    assert shared_sentences(test, dev) == 2
    assert [measure(split).duplicates for split in splits] == [31, 0, 1]
    assert count_contradictions([train, dev, test]) == 8


def test_the_canonical_format_preserves_all_sentences(bekoulis: Splits, tmp_path: Path) -> None:
    for split, (sentences, *_) in bekoulis.items():
        write_jsonl(tmp_path / f"{split}.jsonl", sentences)
        assert load_split(tmp_path, split) == sentences


ROWS = """#doc 1
0\tAda\tB-Peop\t['N']\t[0]
1\tByron\tI-Peop\t['Live_In']\t[3]
2\tin\tO\t['N']\t[2]
3\tMarston\tI-Loc\t['N']\t[3]
#doc 2
0\tHello\tO\t['N']\t[0]
"""


def test_nothing_is_written_when_one_split_is_malformed(tmp_path: Path) -> None:
    for split in ("train", "dev", "test"):
        (tmp_path / f"{split}.txt").write_text(ROWS if split != "test" else "?")
    with pytest.raises(InputError, match=r"test\.txt:1"):
        convert(tmp_path, "bekoulis", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def program(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "data_prep.conll04", *arguments]
    root = Path(__file__).resolve().parents[2]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=root)


def test_the_program(tmp_path: Path) -> None:
    for split in ("train", "dev", "test"):
        (tmp_path / f"{split}.txt").write_text(ROWS)
    ran = program(f"--source={tmp_path}", f"--out={tmp_path / 'out'}")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert f"{tmp_path / 'out' / 'dev.jsonl'}: 2 sentences, 5 tokens, 2 entities, 1 relations" in ran.stdout
    assert f"3 x {NO_B}" in ran.stdout
    assert len(read_jsonl(tmp_path / "out" / "test.jsonl")) == 2


def test_the_program_reports_malformed_input_on_one_line(tmp_path: Path) -> None:
    missing = program(f"--source={tmp_path}", f"--out={tmp_path}")
    assert missing.returncode == 2
    assert missing.stderr == f"error: {tmp_path / 'train.txt'}: No such file or directory\n"
    (tmp_path / "train.txt").write_text("?")
    malformed = program(f"--source={tmp_path}", f"--out={tmp_path}")
    assert malformed.returncode == 2
    assert malformed.stderr.startswith(f"error: {tmp_path / 'train.txt'}:1: found '?', expected")
    assert malformed.stderr.count("\n") == 1

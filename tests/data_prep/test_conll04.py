"""CoNLL04 from both publishers: the known counts, the known oddities, and errors at the right line."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from cman_jax.data.corpus import load_split, read_jsonl, type_inventory, write_jsonl
from cman_jax.data.errors import InputError
from cman_jax.types import Entity, Relation, Sentence
from data_prep.columns import BOTH_WAYS, DUPLICATE, NO_B, NOT_LAST, OUTSIDE, SELF, read_columns
from data_prep.conll04 import convert, read_split
from data_prep.oddities import Oddity, count_kinds
from data_prep.spert_json import read_spert

Splits = dict[str, tuple[list[Sentence], list[Oddity]]]


@pytest.fixture(scope="module")
def bekoulis(shared_data: Path) -> Splits:
    source = shared_data / "conll04" / "bekoulis"
    return {split: read_split(source, "bekoulis", split) for split in ("train", "dev", "test")}


@pytest.fixture(scope="module")
def spert(shared_data: Path) -> Splits:
    source = shared_data / "conll04" / "spert"
    return {split: read_split(source, "spert", split) for split in ("train", "dev", "test")}


def counts(splits: Splits) -> list[tuple[int, int, int]]:
    """Sentences, entities and relations of each split."""
    return [
        (len(sentences), sum(len(s.entities) for s in sentences), sum(len(s.relations) for s in sentences))
        for sentences, _ in splits.values()
    ]


def test_counts(bekoulis: Splits, spert: Splits) -> None:
    assert counts(bekoulis) == [(910, 3393, 1273), (243, 877, 353), (288, 1079, 422)]
    assert counts(spert) == [(922, 3377, 1283), (231, 893, 343), (288, 1079, 422)]


@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_types(bekoulis: Splits, spert: Splits, split: str) -> None:
    expected = (("Loc", "Org", "Other", "Peop"), ("Kill", "Live_In", "Located_In", "OrgBased_In", "Work_For"))
    assert type_inventory(bekoulis[split][0]) == expected
    assert type_inventory(spert[split][0]) == expected


def test_both_splits_test_on_the_same_sentences(bekoulis: Splits, spert: Splits) -> None:
    ours, theirs = ({s.id: s for s in splits["test"][0]} for splits in (bekoulis, spert))
    assert ours.keys() == theirs.keys()
    for doc, sentence in ours.items():
        assert Counter(e.type for e in sentence.entities) == Counter(e.type for e in theirs[doc].entities)
        assert Counter(r.type for r in sentence.relations) == Counter(r.type for r in theirs[doc].relations)


def test_332_sentences_are_tokenised_differently(bekoulis: Splits, spert: Splits) -> None:
    ours, theirs = (
        {s.id: s.tokens for sentences, _ in splits.values() for s in sentences}
        for splits in (bekoulis, spert)
    )
    assert ours.keys() == theirs.keys()
    assert sum(ours[doc] != theirs[doc] for doc in ours) == 332


def test_the_known_oddities_are_reported_and_nothing_else(bekoulis: Splits, spert: Splits) -> None:
    found = {split: [(o.line, o.kind) for o in oddities] for split, (_, oddities) in bekoulis.items()}
    assert found == {"train": [(3176, NO_B), (25434, NO_B)], "dev": [(5816, BOTH_WAYS)], "test": []}
    details = [oddity.detail for oddity in bekoulis["train"][1]]
    assert details[0] == "document 4295, token 31, I-Loc, in 2 relations"
    assert details[1] == "document 1395, token 34, I-Org, in 0 relations"
    assert [oddities for _, oddities in spert.values()] == [[], [], []]


def test_the_entities_without_b_are_there(bekoulis: Splits) -> None:
    train = {sentence.id: sentence for sentence in bekoulis["train"][0]}
    loc = next(i for i, entity in enumerate(train["4295"].entities) if entity.start == 31)
    assert train["4295"].entities[loc].type == "Loc"
    assert [r.object for r in train["4295"].relations].count(loc) == 2
    assert any(entity.start == 34 and entity.type == "Org" for entity in train["1395"].entities)


def test_every_relation_of_the_file_arrives(bekoulis: Splits, shared_data: Path) -> None:
    """Triples of (document, last token, last token, type), read from the columns by other means."""
    for split, (sentences, _) in bekoulis.items():
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
        arrived = {
            (s.id, s.entities[r.subject].end - 1, s.entities[r.object].end - 1, r.type)
            for s in sentences
            for r in s.relations
        }
        assert arrived == expected


def test_round_trip_through_the_canonical_form(bekoulis: Splits, tmp_path: Path) -> None:
    for split, (sentences, _) in bekoulis.items():
        write_jsonl(tmp_path / f"{split}.jsonl", sentences)
        assert load_split(tmp_path, split) == sentences


ROWS = """#doc 1
0\tAda\tB-Peop\t['N']\t[0]
1\tByron\tI-Peop\t['Live_In', 'Work_For']\t[3, 5]
2\tin\tO\t['N']\t[2]
3\tMarston\tB-Loc\t['N']\t[3]
4\tat\tO\t['N']\t[4]
5\tAcme\tB-Org\t['N']\t[5]
#doc 2
0\tHello\tO\t['N']\t[0]
"""
ENTITIES = (Entity(0, 2, "Peop"), Entity(3, 4, "Loc"), Entity(5, 6, "Org"))
RELATIONS = (Relation(0, 1, "Live_In"), Relation(0, 2, "Work_For"))


def columns(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "train.txt"
    path.write_bytes(text.encode())
    return path


def test_columns_become_sentences(tmp_path: Path) -> None:
    expected = [
        Sentence("1", ("Ada", "Byron", "in", "Marston", "at", "Acme"), ENTITIES, RELATIONS),
        Sentence("2", ("Hello",)),
    ]
    assert read_columns(columns(tmp_path, ROWS)) == (expected, [])
    assert read_columns(columns(tmp_path, ROWS.replace("\n", "\r\n"))) == (expected, [])
    assert read_columns(columns(tmp_path, ROWS.removesuffix("\n"))) == (expected, [])


LINE_3 = "1\tByron\tI-Peop\t['Live_In', 'Work_For']\t[3, 5]"


@pytest.mark.parametrize(
    ("old", "new", "kinds", "relations"),
    [
        ("B-Peop", "I-Peop", {NO_B: 1}, RELATIONS),
        ("B-Loc", "I-Loc", {NO_B: 1}, RELATIONS),
        ("[3, 5]", "[2, 5]", {OUTSIDE: 1}, RELATIONS[1:]),
        ("[3, 5]", "[0, 5]", {NOT_LAST: 1, SELF: 1}, RELATIONS[1:]),
        ("[3, 5]", "[1, 5]", {SELF: 1}, RELATIONS[1:]),
        ("'Work_For']\t[3, 5]", "'Live_In']\t[3, 3]", {DUPLICATE: 1}, RELATIONS[:1]),
        ("['N']\t[3]", "['Live_In']\t[1]", {BOTH_WAYS: 1}, (*RELATIONS, Relation(1, 0, "Live_In"))),
        (
            "['N']\t[3]",
            "['Live_In']\t[0]",
            {BOTH_WAYS: 1, NOT_LAST: 1},
            (*RELATIONS, Relation(1, 0, "Live_In")),
        ),
        ("['N']\t[0]", "['Kill']\t[5]", {NOT_LAST: 1}, (Relation(0, 2, "Kill"), *RELATIONS)),
    ],
)
def test_oddities_are_counted(
    old: str, new: str, kinds: dict[str, int], relations: tuple[Relation, ...], tmp_path: Path
) -> None:
    sentences, oddities = read_columns(columns(tmp_path, ROWS.replace(old, new, 1)))
    assert count_kinds(oddities) == kinds
    assert sentences[0].relations == relations
    assert sentences[0].entities == ENTITIES


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("#doc 1", "doc 1", 1, "expected a line '#doc ID' at the start"),
        ("#doc 1", "\ufeff#doc 1", 1, "expected a line '#doc ID' at the start"),
        ("#doc 2", "#doc", 8, "found '#doc'"),
        ("#doc 2", "#doc 1", 8, "found document '1' of line 1 again"),
        ("#doc 2", "", 8, "found 1 columns"),
        ("#doc 2\n", "#doc 2\n#doc 3\n", 8, "found a document without a token"),
        ("0\tHello\tO\t['N']\t[0]\n", "", 8, "found a document without a token"),
        (LINE_3 + "\n", "", 3, "found token index '2', expected the index 1"),
        (LINE_3, LINE_3 + "\n" + LINE_3, 4, "found token index '1', expected the index 2"),
        ("\tByron\t", "\t\t", 3, "found token ''"),
        ("\tByron\t", "\tBy ron\t", 3, "found token 'By ron'"),
        ("\tByron\t", "\tBy\0ron\t", 3, r"found token 'By\x00ron'"),
        ("\tByron\t", " Byron ", 3, "found 3 columns, expected 5"),
        ("I-Peop", "E-Peop", 3, "found tag 'E-Peop'"),
        ("I-Peop", "I-", 3, "found tag 'I-'"),
        ("['Live_In', 'Work_For']", "[]", 3, "found relation types '[]'"),
        ("['Live_In', 'Work_For']", "['Live_In']", 3, "found 1 relation types and 2 ends"),
        ("['Live_In', 'Work_For']", "['N', 'Work_For']", 3, "expected ['N'] only alone, with [1]"),
        ("['Live_In', 'Work_For']", "[Live_In, Work_For]", 3, "found relation types"),
        ("['Live_In', 'Work_For']", "__import__('os')", 3, "found relation types"),
        ("[3, 5]", "[3, 6]", 3, "found a relation to token 6, expected a token from 0 to 5"),
        ("[3, 5]", "[3, -1]", 3, "found relation ends '[3, -1]'"),
        ("[3, 5]", "[3, 5.0]", 3, "found relation ends '[3, 5.0]'"),
        ("[3, 5]", f"[3, {'9' * 5000}]", 3, "found relation ends"),
        ("['N']\t[2]", "['N']\t[3]", 4, "expected ['N'] only alone, with [2]"),
    ],
)
def test_malformed_columns_are_refused_at_their_line(
    old: str, new: str, line: int, message: str, tmp_path: Path
) -> None:
    assert old in ROWS
    path = columns(tmp_path, ROWS.replace(old, new, 1))
    with pytest.raises(InputError) as caught:
        read_columns(path)
    assert str(caught.value).startswith(f"{path}:{line}: found ")
    assert message in str(caught.value)
    assert len(str(caught.value)) < len(str(path)) + 200


@pytest.mark.parametrize("text", ["", "\n"])
def test_a_file_without_a_document_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="#doc ID"):
        read_columns(columns(tmp_path, text))


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
    path = columns(tmp_path, text)
    with pytest.raises(InputError) as caught:
        read_spert(path)
    assert message in str(caught.value)
    assert caught.value.line == line


def test_white_space_between_sentences_is_free(tmp_path: Path) -> None:
    second = ITEM.replace("5", '"6"')
    read = read_spert(columns(tmp_path, f" [\n{ITEM} ,\n {second}\n]\n"))
    assert [sentence.id for sentence in read[0]] == ["5", "6"]
    assert read == read_spert(columns(tmp_path, f"[{ITEM},{second}]"))


def test_nothing_is_written_when_one_split_is_bad(tmp_path: Path) -> None:
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
        (tmp_path / f"{split}.txt").write_text(ROWS.replace("B-Loc", "I-Loc"))
    ran = program(f"--source={tmp_path}", f"--out={tmp_path / 'out'}")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert f"{tmp_path / 'out' / 'dev.jsonl'}: 2 sentences, 7 tokens, 3 entities, 2 relations" in ran.stdout
    assert f"3 x {NO_B}" in ran.stdout
    assert len(read_jsonl(tmp_path / "out" / "test.jsonl")) == 2


def test_the_program_reports_bad_input_on_one_line(tmp_path: Path) -> None:
    missing = program(f"--source={tmp_path}", f"--out={tmp_path}")
    assert missing.returncode == 2
    assert missing.stderr == f"error: {tmp_path / 'train.txt'}: No such file or directory\n"
    (tmp_path / "train.txt").write_text("?")
    malformed = program(f"--source={tmp_path}", f"--out={tmp_path}")
    assert malformed.returncode == 2
    assert malformed.stderr.startswith(f"error: {tmp_path / 'train.txt'}:1: found '?', expected")
    assert malformed.stderr.count("\n") == 1

"""Tests that oddities of the column format are counted, and that malformed lines are refused."""

from pathlib import Path

import pytest

from cman_jax.data.formats.bekoulis import BOTH_WAYS, NO_B, NOT_LAST, read_columns
from cman_jax.data.formats.oddities import OUTSIDE, RELATION_TWICE, SELF, Reading, count_kinds
from cman_jax.errors import InputError
from cman_jax.types import Entity, Relation, Sentence

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
    """Writes a file of columns and returns its path."""
    path = tmp_path / "train.txt"
    path.write_bytes(text.encode())
    return path


def test_columns_become_sentences(tmp_path: Path) -> None:
    expected = [
        Sentence("1", ("Ada", "Byron", "in", "Marston", "at", "Acme"), ENTITIES, RELATIONS),
        Sentence("2", ("Hello",)),
    ]
    assert read_columns(columns(tmp_path, ROWS)) == Reading(expected, [], ["1", "2"])
    assert read_columns(columns(tmp_path, ROWS.replace("\n", "\r\n"))) == Reading(expected, [], ["1", "2"])
    assert read_columns(columns(tmp_path, ROWS.removesuffix("\n"))) == Reading(expected, [], ["1", "2"])
    assert read_columns(columns(tmp_path, "\ufeff" + ROWS)) == Reading(expected, [], ["1", "2"])


LINE_3 = "1\tByron\tI-Peop\t['Live_In', 'Work_For']\t[3, 5]"


@pytest.mark.parametrize(
    ("old", "new", "kinds", "relations"),
    [
        ("B-Peop", "I-Peop", {NO_B: 1}, RELATIONS),
        ("B-Loc", "I-Loc", {NO_B: 1}, RELATIONS),
        ("[3, 5]", "[2, 5]", {OUTSIDE: 1}, RELATIONS[1:]),
        ("[3, 5]", "[0, 5]", {NOT_LAST: 1, SELF: 1}, RELATIONS[1:]),
        ("[3, 5]", "[1, 5]", {SELF: 1}, RELATIONS[1:]),
        ("'Work_For']\t[3, 5]", "'Live_In']\t[3, 3]", {RELATION_TWICE: 1}, RELATIONS[:1]),
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
    sentences, oddities, _ = read_columns(columns(tmp_path, ROWS.replace(old, new, 1)))
    assert count_kinds(oddities) == kinds
    assert sentences[0].relations == relations
    assert sentences[0].entities == ENTITIES


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("#doc 1", "doc 1", 1, "expected a line '#doc ID' at the start"),
        ("#doc 2", "\ufeff#doc 2", 8, "found 1 columns"),
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
        ("['Live_In', 'Work_For']", "['N', 'Work_For']", 3, "expected ['N'] with [1] and no other type"),
        ("['Live_In', 'Work_For']", "[Live_In, Work_For]", 3, "found relation types"),
        ("['Live_In', 'Work_For']", "['Live_In', 'Work\u200b_For']", 3, "found relation types"),
        ("I-Peop", "I-Pe\u200bop", 3, "found tag"),
        ("['Live_In', 'Work_For']", "__import__('os')", 3, "found relation types"),
        ("[3, 5]", "[3, 6]", 3, "found a relation to token 6, expected a token from 0 to 5"),
        ("[3, 5]", "[3, -1]", 3, "found relation ends '[3, -1]'"),
        ("[3, 5]", "[3, 5.0]", 3, "found relation ends '[3, 5.0]'"),
        ("[3, 5]", f"[3, {'9' * 5000}]", 3, "found relation ends"),
        ("['N']\t[2]", "['N']\t[3]", 4, "expected ['N'] with [2] and no other type"),
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

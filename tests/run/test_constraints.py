"""Tests of constraints on types: learned from sentences, stored, read from a file, or refused in one line."""

from pathlib import Path

import pytest

from cman_jax.data.summary import summarise
from cman_jax.errors import InputError
from cman_jax.run.constraints import allows, learn_constraints, load_constraints, write_constraints
from tests.builders import SENTENCES, vocabs_of

VOCABS = vocabs_of(SENTENCES)


def test_the_pairs_of_the_training_are_learned_with_their_direction(tmp_path: Path) -> None:
    learned = learn_constraints([summarise(SENTENCES)])
    assert learned == {
        "Live_In": {("Peop", "Loc")},
        "OrgBased_In": {("Org", "Loc")},
        "Work_For": {("Peop", "Org")},
    }
    assert allows(learned, "Live_In", "Peop", "Loc")
    assert not allows(learned, "Live_In", "Loc", "Peop")
    assert allows(learned, "Kill", "Loc", "Loc")  # not seen in training, and so not constrained
    write_constraints(tmp_path, learned)
    assert load_constraints("learned", tmp_path, VOCABS) == learned
    assert load_constraints("none", tmp_path, VOCABS) is None


def test_without_a_stored_file_nothing_is_constrained(tmp_path: Path) -> None:
    assert load_constraints("learned", tmp_path, VOCABS) is None
    assert load_constraints("learned", None, VOCABS) is None


def test_a_file_of_the_user_s_is_read(tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    path.write_text('{"Work_For": [["Peop", "Org"], ["Peop", "Loc"]], "Live_In": []}')
    found = load_constraints(str(path), None, VOCABS)
    assert found == {"Work_For": {("Peop", "Org"), ("Peop", "Loc")}, "Live_In": frozenset()}
    assert not allows(found, "Live_In", "Peop", "Loc")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            '{"Work_Fro": []}',
            "found the relation type 'Work_Fro', expected Work_For, the nearest of Live_In, ",
        ),
        (
            '{"Work_For": [["Peop", "Ogr"]]}',
            "found the entity type 'Ogr', expected Org, the nearest of Loc, ",
        ),
        ('{"Xyz": []}', "found the relation type 'Xyz', expected one of Live_In, OrgBased_In, Work_For"),
        ('{"Work_For": [["Peop", 3]]}', "found the entity type 3, expected one of Loc, Org, Peop"),
        ('{"Work_For": [["Peop"]]}', "found the pair ['Peop'] under 'Work_For', expected a JSON object such"),
        ('{"Work_For": "Peop"}', "found 'Peop' under 'Work_For', expected a JSON object such as"),
        ('[["Peop", "Org"]]', "found [['Peop', 'Org']], expected a JSON object such as"),
        ('{"Work_For": [], "Work_For": []}', "found bad JSON (key 'Work_For' occurs twice), expected"),
        ('{"Work_For', "found bad JSON (Unterminated string"),
        ("\xff", "found bytes that are not valid UTF-8"),
    ],
)
def test_a_mistake_in_a_file_is_one_line(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "own.json"
    path.write_text(content, encoding="latin-1")
    with pytest.raises(InputError) as error:
        load_constraints(str(path), None, VOCABS)
    assert str(error.value).startswith(f"{path}: {message}")
    assert "\n" not in str(error.value)


def test_a_missing_file_and_a_folder_are_one_line(tmp_path: Path) -> None:
    for path in (tmp_path / "learnt", tmp_path):
        with pytest.raises(InputError, match="found no such file, expected none, learned or a file"):
            load_constraints(str(path), None, VOCABS)

"""Tests of the campaign of faults with a row that provokes nothing."""

import os
import random
import time
from pathlib import Path

import pytest

from cman_jax.errors import InputError
from cman_jax.files import write_json
from experiments.faults.campaign import Result, run_attempt, run_row, summary, time_limit
from experiments.faults.row import Broken, Row, demand, refused
from experiments.faults.rows import all_rows
from experiments.faults.table import markdown, read_summaries, write_into


def prepare(folder: Path) -> str:
    """Returns what every attempt gets."""
    (folder / "prepared").touch()
    return "ready"


def attempt(prepared: str, folder: Path, rng: random.Random) -> str:
    """Keeps its promise in five of eight attempts; in the sixth its process dies."""
    assert prepared == "ready"
    assert not any(folder.iterdir())
    number = int(folder.name.removeprefix("attempt_"))
    (folder / "drawn").write_text(str(rng.random()))
    if number == 5:
        os._exit(1)
    demand(number != 6, "something else")
    if number == 7:
        raise OSError("a disk that is full")
    return ("refused", "the same")[number % 2]


ROW = Row("nothing", "nothing at all", 8, "nothing happens", prepare, attempt)


def test_every_attempt_counts_even_if_its_promise_or_its_process_breaks(tmp_path: Path) -> None:
    seen: list[Result] = []
    results = run_row(ROW, tmp_path, 8, 2, seen.append)
    assert [result.number for result in results] == list(range(8))
    assert sorted(seen) == sorted(results)
    found = summary(ROW, results)
    assert found["tried"] == 8
    assert found["kept"] == 5
    assert found["outcomes"] == {"refused": 3, "the same": 2}
    assert found["broken"] == [
        {"attempt": 5, "seen": "the process of the attempt died"},
        {"attempt": 6, "seen": "something else"},
        {"attempt": 7, "seen": "OSError: a disk that is full"},
    ]
    again: list[Result] = []
    assert run_row(ROW, tmp_path, 8, 2, again.append) == results
    assert len(again) == 8
    folders = sorted(path.name for path in (tmp_path / "nothing").glob("attempt_*"))
    assert folders == ["attempt_5", "attempt_6", "attempt_7"]


def test_an_attempt_has_the_same_random_numbers_when_it_is_repeated(tmp_path: Path) -> None:
    drawn = []
    for _ in range(2):
        assert not run_attempt(ROW, tmp_path, 6).kept
        drawn.append((tmp_path / "nothing" / "attempt_6" / "drawn").read_text())
    assert drawn[0] == drawn[1]


def test_an_incomplete_line_of_the_results_is_run_again(tmp_path: Path) -> None:
    run_row(ROW, tmp_path, 3, 1, lambda result: None)
    path = tmp_path / "nothing" / "attempts.jsonl"
    path.write_text(path.read_text()[:-5])
    for _ in range(2):
        results = run_row(ROW, tmp_path, 3, 1, lambda result: None)
        assert [result.number for result in results] == [0, 1, 2]
        assert len(path.read_text().splitlines()) == 3


def test_an_attempt_without_an_end_is_ended() -> None:
    with pytest.raises(Broken, match=r"not finished after 0\.01 s"), time_limit(0.01):
        time.sleep(60)


def test_a_refusal_is_one_line() -> None:
    assert refused(InputError("file", 3, "this", "that")) == "refused"
    long = InputError("file", 3, "this", "that")
    long.args = ("one line\nand another",)
    with pytest.raises(Broken, match="an error of several lines"):
        refused(long)


def test_the_table_takes_its_place_in_a_document(tmp_path: Path) -> None:
    results = [Result(0, "refused", True, 1.0), Result(1, "a|b", True, 2.0)]
    write_json(tmp_path / "nothing.json", summary(ROW, results))
    table = markdown(read_summaries(tmp_path, ["nothing", "missing"]))
    assert table.splitlines()[2] == "| nothing at all | 2 | nothing happens | 2 | 1 refused; 1 a\\|b |"
    document = tmp_path / "page.md"
    document.write_text("before\n<!-- table of faults -->\nan old table\n<!-- end of the table -->\nafter\n")
    write_into(document, table)
    write_into(document, table)
    text = document.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "an old table" not in text
    assert text.count("| nothing at all") == 1
    document.write_text("nothing here")
    with pytest.raises(InputError, match="no place for the table"):
        write_into(document, table)


def test_names_of_rows_are_unique() -> None:
    names = [row.name for row in all_rows()]
    assert len(set(names)) == len(names)


def test_the_document_has_the_table_of_its_figures() -> None:
    docs = Path(__file__).parents[3] / "docs"
    summaries = read_summaries(docs / "results" / "faults", [row.name for row in all_rows()])
    assert f"\n{markdown(summaries)}\n" in (docs / "reliability.md").read_text()

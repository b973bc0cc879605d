"""The comparison of extractions: which records are equal, and which failures are counted."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from experiments import beam


def record(name: str, probability: float = 0.5) -> dict[str, Any]:
    return {"id": name, "entities": [{"start": 0, "probability": probability}]}


def test_only_the_last_digit_of_probabilities_may_differ() -> None:
    assert beam.is_equal(record("a", 0.5), record("a", 0.500001))
    assert not beam.is_equal(record("a", 0.5), record("a", 0.500004))
    assert not beam.is_equal(record("a"), record("b"))
    assert not beam.is_equal(record("a"), {"id": "a", "entities": []})
    assert not beam.is_equal({"start": 1}, {"start": True})
    expected = {name: record(name) for name in "abc"}
    found = {"a": record("a"), "b": record("b", 0.500001), "c": record("c", 0.6), "d": record("d")}
    assert beam.compare(expected, found) == {"records": 4, "equal": 2, "identical": 1}


def test_every_way_reads_the_same_texts_and_beam_the_poison_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def seconds_of(workdir: str, source: Path, output: Path, options: Sequence[str]) -> float:
        rows = [json.loads(line) for line in source.read_text().splitlines()]
        lines = [json.dumps(record(row["id"])) + "\n" for row in rows if "text" in row]
        if options:
            output.with_name(f"{output.stem}-00000-of-00001.jsonl").write_text("".join(lines))
            failed = [json.dumps(row) + "\n" for row in rows if "text" not in row]
            output.with_name(f"{output.stem}.failed-00000-of-00001.jsonl").write_text("".join(failed))
        else:
            output.write_text("".join(lines))
        return len(lines) / 100

    monkeypatch.setattr(beam, "seconds_of", seconds_of)
    texts = [json.dumps({"id": str(k), "text": "Ann left."}) for k in range(3000)]
    figures = beam.measure("run", texts, tmp_path)
    for way, found in figures.items():
        assert (found["records"], found["equal"], found["identical"]) == (3000, 3000, 3000)
        assert [each["id"] for each in found["failures"]] == (["poison"] if "Runner" in way else [])
        assert found["sentences_per_second"] == 100

"""Tests of tables from made-up scores: means, differences, blanks, notes, and refused runs."""

import json
from pathlib import Path

import pytest

from cman_jax.config import to_dict
from cman_jax.errors import InputError
from cman_jax.files import write_json
from experiments.reproduction.markdown import render_table
from experiments.reproduction.runs import runs_of, train_command
from experiments.reproduction.tables import make_table
from experiments.reproduction.training import GOLD_LABELS, is_finished
from tests.experiments.reproduction.places import (
    ALL,
    HALF,
    NO_RELATION,
    finish,
    finish_row,
    row_named,
    setup_in,
)


def lines_of(text: str) -> dict[str, list[str]]:
    """Returns the lines of the first table by label and setting."""
    cells = [[c.strip() for c in line.split("|")[1:-1]] for line in text.splitlines() if line[:1] == "|"]
    return {f"{c[0]}; {c[-1]}": c for c in cells if len(c) == 6}


def test_a_row_shows_published_numbers_ours_and_their_difference(tmp_path: Path) -> None:
    setup = setup_in(tmp_path)
    finish_row("cman", setup, [ALL, NO_RELATION])
    finish_row("multihead_train_dev", setup, [HALF])
    table = make_table("table1", setup)
    assert json.loads(json.dumps(table)) == json.loads(json.dumps(make_table("table1", setup)))
    lines = lines_of(render_table(table))
    ours = lines["CMAN; words and characters; (i) dev; seeds 0, 1; 2 epochs"]
    assert ours[1:5] == ["90.62 / 72.97", "100.00 ± 0.00", "50.00 ± 70.71", "+9.38 / -22.97"]
    one = lines["Multi-head + AT; words and characters; (ii) train+dev; seeds 0; 2 epochs"]
    assert one[1:5] == ["83.61 / 61.95", "66.67", "0.00", "-16.94 / -61.95"]
    assert lines["CMAN; contextual features; (i) dev"][1:5] == ["90.62 / 72.97", "", "", ""]
    assert lines["SpERT (BERT); "][1:5] == ["88.94 / 71.47", "", "", ""]
    assert lines["CMAN − AT; words and characters; (i) dev"][1] == ""


def test_every_blank_has_its_commands_and_the_table_has_its_notes(tmp_path: Path) -> None:
    setup = setup_in(tmp_path)
    first, second = runs_of(row_named("cman"), setup)
    finish(first, {"dev": ALL, "test": ALL})
    table = make_table("table1", setup)
    assert table["missing"]["cman"] == [train_command(second, setup)]
    assert len(table["missing"]["cman_without_at"]) == 2
    text = render_table(table)
    assert f"# cman\n{train_command(second, setup)}\n" in text
    assert "# multihead (1 more in reproduction.json)\n" in text
    assert "68.20 is its recall; its F1 is 68.9" in text
    assert f"{tmp_path / 'conll04'}, test; strict, micro, with Other" in text


def test_ade_shows_means_over_folds_under_its_own_convention(tmp_path: Path) -> None:
    setup = setup_in(tmp_path)
    finish_row("cman_ade", setup, [ALL, HALF])
    table = make_table("table2", setup)
    assert (
        table["setting"]
        == f"{tmp_path / 'ade'}, test; strict, macro, with Other, overlaps dropped by SpERT's rule"
    )
    row = next(row for row in table["rows"] if "ours" in row)
    assert row["about"] == "words and characters; (ii) train+dev; folds 0, 1; 2 epochs"
    assert row["ours"]["re"]["values"] == [100.0, 0.0]


def test_a_row_contains_every_convention(tmp_path: Path) -> None:
    setup = setup_in(tmp_path)
    finish_row("cman", setup, [HALF])
    row = next(row for row in make_table("table1", setup)["rows"] if "ours" in row)
    assert len(row["conventions"]) == 8
    assert row["conventions"]["boundaries, micro, without Other"]["ner"]["mean"] == pytest.approx(200 / 3)


def test_label_sources_differ_only_in_relations(tmp_path: Path) -> None:
    setup = setup_in(tmp_path, num_seeds=1)
    (run,) = finish_row("cman", setup, [NO_RELATION])
    assert "--what=table3" in make_table("table3", setup)["missing"]["cman"][0]
    finish(run, {GOLD_LABELS: ALL})
    table = make_table("table3", setup)
    means = {row["label"]: row["ours"]["re"]["mean"] for row in table["rows"] if "ours" in row}
    assert means == {"Predicted label": 0.0, "Golden label": 100.0}
    finish(run, {GOLD_LABELS: HALF})
    with pytest.raises(InputError, match=r"scores.json: found NER that differs between label sources"):
        make_table("table3", setup)


def test_a_run_with_other_settings_is_refused(tmp_path: Path) -> None:
    (run, _) = runs_of(row_named("cman"), setup_in(tmp_path))
    assert not is_finished(run)
    run.config.model.lstm_dim = 32
    write_json(run.workdir / "config.json", to_dict(run.config))
    with pytest.raises(InputError, match=r"seed_0: found a run with model.lstm_dim = 32, expected 16 as in"):
        make_table("table1", setup_in(tmp_path))


def test_scores_of_an_earlier_epoch_do_not_count(tmp_path: Path) -> None:
    (run, _) = runs_of(row_named("cman"), setup_in(tmp_path))
    finish(run, {"dev": ALL, "test": ALL})
    assert is_finished(run)
    scores = json.loads((run.workdir / "scores.json").read_text())
    scores["test"]["epoch"] = 1
    write_json(run.workdir / "scores.json", scores)
    assert not is_finished(run)


@pytest.mark.parametrize(
    ("about", "found"),
    [
        ({"data": "b"}, "other sentences than the run's"),
        ({"decoding": {"threshold": 0.05}}, "decoding.threshold = 0.05 instead of 0.5"),
    ],
)
def test_scores_of_other_data_or_decoding_are_refused(
    tmp_path: Path, about: dict[str, object], found: str
) -> None:
    (run,) = finish_row("cman", setup_in(tmp_path), [ALL])
    write_json(run.workdir / "data.json", {"test": "a"})
    path = run.workdir / "scores.json"
    scores = json.loads(path.read_text())
    write_json(path, scores | {"test": scores["test"] | {"data": "a", "decoding": {"threshold": 0.5}}})
    make_table("table1", setup_in(tmp_path))
    write_json(path, scores | {"test": scores["test"] | about})
    with pytest.raises(
        InputError, match=f"scores.json: found an entry test with {found}, expected the run's"
    ):
        make_table("table1", setup_in(tmp_path))


def test_scores_without_f1_are_named(tmp_path: Path) -> None:
    (run,) = finish_row("cman", setup_in(tmp_path), [ALL])
    write_json(run.workdir / "scores.json", {entry: {"epoch": 2, "ner": {}} for entry in ("dev", "test")})
    with pytest.raises(InputError, match=r"scores.json: found an entry test without F1"):
        make_table("table1", setup_in(tmp_path))

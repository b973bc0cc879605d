"""Tests of calibrated probabilities: the functions rise, the file is read as written, damage is one line."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from cman_jax.errors import InputError
from cman_jax.run.calibration import (
    FILE,
    Calibration,
    Platt,
    is_outdated,
    log_odds,
    read_calibration,
    tuned_decoding,
    write_entry,
)
from cman_jax.types import Annotation, Entity, Relation

TYPES = ("Live_In", "Kill")
FITTED = Calibration(Platt(0.5, -0.25), Platt(0.75, 0.0))


def written(workdir: Path) -> None:
    fields = {task: part._asdict() for task, part in FITTED._asdict().items()}
    write_entry(workdir, "probabilities", 3, "a", fields)


@pytest.mark.parametrize("platt", [Platt(), Platt(0.5, -1.0), Platt(5.0, 15.0), Platt(0.05, -20.0)])
def test_a_calibrated_probability_rises_with_the_log_odds(platt: Platt) -> None:
    probabilities = 1 / (1 + np.exp(-np.linspace(-8, 8, 101)))
    found = [platt(float(prob)) for prob in probabilities]
    assert (np.diff(found) >= 0).all()
    assert found[0] < found[-1]
    assert all(0 <= prob <= 1 for prob in (platt(0.0), *found, platt(1.0)))


def test_scale_and_offset_act_on_the_log_odds() -> None:
    assert Platt(0.5, -0.25)(0.8) == pytest.approx(1 / (1 + np.exp(-(0.5 * np.log(4) - 0.25))))
    assert Platt()(0.123456789) == 0.123456789
    assert log_odds(np.array([0.5, 0.8])) == pytest.approx([0, np.log(4)])


def test_entities_and_triples_are_calibrated_and_the_relation_s_own_probability_is_not() -> None:
    entities = (Entity(0, 1, "Peop"), Entity(2, 3, "Loc"))
    raw = Annotation(entities, (Relation(0, 1, "Live_In"),), (0.5, 0.9), (0.7,), (0.315,))
    found = FITTED(raw)
    assert found.entity_prob == tuple(map(FITTED.ner, raw.entity_prob))
    assert found.triple_prob == (FITTED.re(0.315),)
    assert (found.relation_prob, found.relations) == (raw.relation_prob, raw.relations)
    assert Calibration()(raw) == raw


def test_both_entries_are_read_as_written_and_only_for_their_epoch(tmp_path: Path) -> None:
    assert read_calibration(tmp_path, 3) is None
    assert not is_outdated(tmp_path, 3)
    written(tmp_path)
    write_entry(tmp_path, "threshold", 3, "a", {"value": 0.35})
    assert read_calibration(tmp_path, 3) == FITTED
    assert tuned_decoding(tmp_path, 3, TYPES) == {"threshold": 0.35}
    assert (read_calibration(tmp_path, 4), is_outdated(tmp_path, 4)) == (None, True)
    assert not is_outdated(tmp_path, 3)
    with pytest.raises(InputError, match="found no threshold that was tuned for epoch 4, expected a number"):
        tuned_decoding(tmp_path, 4, TYPES)


def test_thresholds_of_relation_types_are_read_in_the_order_of_the_run(tmp_path: Path) -> None:
    write_entry(tmp_path, "threshold", 3, "a", {"value": {"Kill": 0.2, "Live_In": 0.4}})
    assert tuned_decoding(tmp_path, 3, TYPES) == {"relation_thresholds": (0.4, 0.2)}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"probabilities": []}, "found [] under 'probabilities', expected a JSON object"),
        (
            {"probabilities": {"epoch": 3}},
            "found None as the calibration 'ner', expected a scale above 0",
        ),
        (
            {"probabilities": {"epoch": 3, "ner": {"scale": -1.0, "offset": 0}}},
            "found {'scale': -1.0, 'offset': 0} as the calibration 'ner', expected a scale above 0",
        ),
        ({"threshold": {"epoch": 3, "value": 1.5}}, "found the threshold 1.5, expected a number in [0, 1)"),
        ({"threshold": {"epoch": 3, "value": "x"}}, "found the threshold 'x', expected a number in [0, 1)"),
        (
            {"threshold": {"epoch": 3, "value": {"Kill": 0.2, "Live_In": None}}},
            "found the threshold None, expected a number in [0, 1)",
        ),
        (
            {"threshold": {"epoch": 3, "value": {"Kill": 0.2}}},
            "found thresholds of Kill, expected one for each of Live_In, Kill",
        ),
    ],
)
def test_damage_is_one_line(tmp_path: Path, content: dict[str, object], message: str) -> None:
    (tmp_path / FILE).write_text(json.dumps(content))
    read = partial(tuned_decoding, relation_types=TYPES) if "threshold" in content else read_calibration
    with pytest.raises(InputError) as error:
        read(tmp_path, 3)
    assert str(error.value).startswith(f"{tmp_path / FILE}: {message}")
    assert "\n" not in str(error.value)

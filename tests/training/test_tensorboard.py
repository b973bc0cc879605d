"""Tests of what TensorBoard is given: each epoch's numbers, also after an interruption."""

import struct
from pathlib import Path
from typing import Any

import pytest

from cman_jax.data.contents import Contents
from cman_jax.errors import InputError
from cman_jax.training import tensorboard
from cman_jax.training.tensorboard import TensorBoard, scalars

event_pb2 = pytest.importorskip("tensorboardX.proto.event_pb2")


def row(epoch: int) -> dict[str, Any]:
    """Returns a row of metrics.jsonl."""
    losses = {"ner_loss": 3.0 / epoch, "relation_loss": 2.0, "adversarial_loss": 0.0, "gradient_norm": 0.5}
    speed = {"skipped_updates": 0, "seconds": 1.5, "compiling_seconds": 0.5, "sentences_per_second": 20.0}
    return {"epoch": epoch, **losses, **speed, "dev": {"ner": 50.0, "re": 25.0}, "selection": 37.5}


def events(workdir: Path) -> list[Any]:
    """Returns all events of a run, in order; a record is length, checksum, event, checksum."""
    found = []
    for path in sorted((workdir / tensorboard.FOLDER).iterdir(), key=lambda path: path.stat().st_mtime_ns):
        content = path.read_bytes()
        while content:
            (length,) = struct.unpack("<Q", content[:8])
            found.append(event_pb2.Event.FromString(content[12 : 12 + length]))
            content = content[12 + length + 4 :]
    return found


def train(runs: list[Path], epochs: range) -> None:
    """Calls a display as a training of these epochs does."""
    display = TensorBoard()
    display.start(dict.fromkeys(runs, Contents((), {}, None)))
    for epoch in epochs:
        display.start_epoch(epoch, 3, 10)
        display.end_epoch(*([row(e) for e in range(1, epoch + 1)] for _ in runs))
    display.close()


def test_every_run_has_the_numbers_of_each_epoch(tmp_path: Path) -> None:
    runs = [tmp_path / "seed_0", tmp_path / "seed_1"]
    train(runs, range(1, 4))
    for run in runs:
        written = {(event.step, v.tag): v.simple_value for event in events(run) for v in event.summary.value}
        assert written == {
            (epoch, name): pytest.approx(value)
            for epoch in (1, 2, 3)
            for name, value in scalars(row(epoch)).items()
        }


def test_names_have_groups_and_no_number_of_a_row_is_lost() -> None:
    found = scalars(row(2))
    assert found["loss/ner"] == 1.5
    assert (found["dev/ner_f1"], found["dev/re_f1"]) == (50.0, 25.0)
    assert found["training/sentences_per_second"] == 20.0
    assert len(found) == 8


def test_an_epoch_that_is_trained_again_replaces_the_former_numbers(tmp_path: Path) -> None:
    train([tmp_path], range(1, 4))
    train([tmp_path], range(3, 4))
    restart = event_pb2.SessionLog.START
    (purged,) = [event.step for event in events(tmp_path) if event.session_log.status == restart][-1:]
    assert purged == 3  # TensorBoard drops what was written before from this step on


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(tensorboard, "import_module", missing)
    with pytest.raises(InputError, match=r"no tensorboardX, expected .*cman-jax\[tensorboard\]"):
        TensorBoard()

"""Tests that a corpus on disk is trained on with the same bits as in memory, whole, stopped and resumed."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from cman_jax.config import Config
from cman_jax.data import annotated
from cman_jax.data.annotated import read_annotated
from cman_jax.data.corpus import write_jsonl
from cman_jax.data.stored import Stored
from cman_jax.encoders.store.cache import FeatureCache
from cman_jax.encoders.store.fill import add_features
from cman_jax.errors import InputError
from cman_jax.run.checkpoint import Checkpoints
from cman_jax.run.provenance import Splits
from cman_jax.run.system import System
from cman_jax.training.history import History
from cman_jax.training.loop import train
from cman_jax.training.member import Job, Member
from cman_jax.training.progress import Progress
from cman_jax.training.step import Metrics
from cman_jax.training.stopping import Stop, Stopped
from cman_jax.types import Sentence
from tests.builders import SENTENCES, tiny_config
from tests.fake_encoder import FakeEncoder

TRAIN = [s._replace(id=f"{k}-{s.id}", tokens=(f"w{k}", *s.tokens[1:])) for k in range(3) for s in SENTENCES]


def config_with(**training: Any) -> Config:
    """Returns a config that compiles fast, with dropout and three batches."""
    config = tiny_config()
    config.training = dataclasses.replace(config.training, num_epochs=2, **training)
    return config


@pytest.fixture
def splits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Splits]:
    """The corpus on disk and in memory."""
    for name, sentences in {"train": TRAIN, "dev": SENTENCES}.items():
        write_jsonl(tmp_path / "data" / f"{name}.jsonl", sentences)
    in_memory = read_annotated(tmp_path / "data").splits
    monkeypatch.setattr(annotated, "LARGE", 0)
    on_disk = read_annotated(tmp_path / "data").splits
    assert isinstance(on_disk["train"], Stored)
    assert isinstance(in_memory["train"], list)
    return {"disk": on_disk, "memory": in_memory}


def state_of(workdir: Path) -> list[bytes]:
    """Returns the bits of the parameters and of the optimiser's state after the last epoch."""
    with Checkpoints(workdir / "checkpoints", read_only=True) as checkpoints:
        params = checkpoints.restore_params(2, System.load(workdir).param_shapes())
    return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(params)]


def files_of(workdir: Path) -> dict[str, Any]:
    """Returns the files of a run that do not depend on time, and its rows without times."""
    rows = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    rows = [{k: v for k, v in row.items() if "second" not in k} for row in rows]
    names = ("config.json", "vocabs.json", "data.json", "constraints.json")
    return {"rows": rows, **{name: (workdir / name).read_bytes() for name in names}}


@pytest.mark.parametrize("protocol", ["dev", "train+dev"])
def test_parameters_and_files_are_the_same_bit_for_bit(
    protocol: str, splits: dict[str, Splits], tmp_path: Path
) -> None:
    for place, given in splits.items():
        train(config_with(protocol=protocol), given, tmp_path / place)
    assert state_of(tmp_path / "disk") == state_of(tmp_path / "memory")
    assert files_of(tmp_path / "disk") == files_of(tmp_path / "memory")


class StopAfter(Progress):
    """A display that asks to stop after some steps have begun."""

    def __init__(self, stop: Stop, steps: int):
        self._stop, self._left = stop, steps

    def advance(self, num_sentences: int) -> None:
        self._left -= num_sentences > 0
        self._stop.asked = self._left <= 0


def test_a_run_that_is_stopped_in_memory_is_resumed_on_disk_with_the_same_bits(
    splits: dict[str, Splits], tmp_path: Path
) -> None:
    train(config_with(), splits["memory"], tmp_path / "whole")
    stop = Stop()
    with pytest.raises(Stopped, match="after 2 of 3 steps of epoch 1"):
        train(config_with(), splits["memory"], tmp_path / "run", progress=StopAfter(stop, 2), stop=stop)
    stop = Stop()
    with pytest.raises(Stopped, match="after 1 of 3 steps of epoch 2"):
        train(config_with(), splits["disk"], tmp_path / "run", progress=StopAfter(stop, 3), stop=stop)
    train(config_with(), splits["disk"], tmp_path / "run")
    assert state_of(tmp_path / "run") == state_of(tmp_path / "whole")
    assert files_of(tmp_path / "run") == files_of(tmp_path / "whole")


def test_features_are_read_from_their_store_when_a_batch_is_due(
    splits: dict[str, Splits], tmp_path: Path
) -> None:
    add_features(FakeEncoder(), [*TRAIN, *SENTENCES], tmp_path / "features")
    for place, given in splits.items():
        store = FeatureCache.open(tmp_path / "features")
        train(config_with(), given, tmp_path / place, encoder=store)
    assert state_of(tmp_path / "disk") == state_of(tmp_path / "memory")
    add_features(FakeEncoder(), SENTENCES, tmp_path / "fewer")
    store = FeatureCache.open(tmp_path / "fewer")
    with pytest.raises(InputError, match="no features for 12 of 12 sentences"):
        train(config_with(), splits["disk"], tmp_path / "other", encoder=store)


def test_dev_is_encoded_once_if_the_run_is_trained_on_it(tmp_path: Path) -> None:
    encoder, config = FakeEncoder(), config_with(protocol="train+dev")
    job = Job(config, {"train": TRAIN, "dev": SENTENCES}, tmp_path)
    Member(job, None, encoder).close()
    assert [tokens for call in encoder.calls for tokens in call] == [s.tokens for s in (*TRAIN, *SENTENCES)]


def test_errors_name_the_sentences_of_a_batch(splits: dict[str, Splits], tmp_path: Path) -> None:
    member = Member(Job(config_with(protocol="train+dev"), splits["disk"], tmp_path / "run"), None, None)
    plan = member.plans(1)[0]
    ids = [sentence.id for sentence in (*TRAIN, *SENTENCES)]
    expected = {ids[i] for i in plan.indices}
    metrics = Metrics(*(jax.numpy.full(1, np.nan) for _ in Metrics._fields))
    history = History([member], 1)
    for _ in range(member.max_skipped_updates):
        history.add([plan], metrics)
    with pytest.raises(InputError) as caught:
        history.add([plan], metrics)
    member.close()
    assert all(name in str(caught.value) for name in expected)


def drawn(data: Path) -> Sequence[Sequence[Sentence]]:
    """Returns the splits that are drawn from a file without splits."""
    return [list(each) for each in read_annotated(data, shares=(0.5, 0.25, 0.25), seed=3).splits.values()]


def test_the_same_splits_are_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_jsonl(tmp_path / "all.jsonl", TRAIN)
    in_memory = drawn(tmp_path / "all.jsonl")
    monkeypatch.setattr(annotated, "LARGE", 0)
    assert drawn(tmp_path / "all.jsonl") == in_memory
    assert [len(each) for each in in_memory] == [6, 3, 3]

"""Tests of the step under jit, under pmap, on a mesh and on hosts: devices change nothing, dropout too."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cman_jax.config import TrainingConfig
from cman_jax.data.batching import collate_alike, encode
from cman_jax.training.losses import Objective
from cman_jax.training.optimizer import make_optimizer
from cman_jax.training.parallel import MeshStep, PmapStep, SingleStep, sharing, step_of_run
from cman_jax.training.step import Metrics, TrainState, train_step
from cman_jax.types import Batch, Sentence
from tests.builders import SENTENCES, SMALL_DATA, SMALL_MODEL, changed, network, random_variables, vocabs_of
from tests.host import Hosts

ALPHA = 0.05
# Devices can only change sums over sentences, so one layer without a scan over tokens is enough.
SHALLOW = changed(SMALL_MODEL, num_bsa=1, sequence_layer="mlp", input_dropout=0.3, lstm_dropout=0.2)
# Lengths differ, so that a mean of per-device means would be wrong; no number of devices divides seven.
SEVEN = tuple(Sentence(f"{k}-{s.id}", *s[1:]) for k in range(2) for s in SENTENCES)[:7]


def parts(sentences: Sequence[Sentence], num_devices: int) -> list[Batch]:
    """Returns the sentences in one batch per device."""
    vocabs = vocabs_of(SENTENCES)
    examples = [encode(sentence, vocabs) for sentence in sentences]
    dealt = [examples[k::num_devices] for k in range(num_devices)]
    return collate_alike(dealt, 8, SMALL_DATA, -(-len(examples) // num_devices), vocabs.sizes)


def after_steps(num_devices: int, parallel: str, num_steps: int = 10) -> tuple[TrainState, Metrics]:
    """Returns the state and the last metrics."""
    model, optimizer = network(SHALLOW), make_optimizer(TrainingConfig(learning_rate=1e-2))
    each = partial(train_step, model, optimizer, Objective(ALPHA))
    step = step_of_run(each, {}, jax.random.key(1), num_devices, parallel)
    batch = jax.tree.map(jnp.asarray, parts(SEVEN, 1)[0])
    params = random_variables(model, batch, batch.tags, scale=0.3, train=False)["params"]
    state = step.place([TrainState.start(params, optimizer)])
    for _ in range(num_steps):
        dealt = parts(SEVEN, num_devices)
        state, metrics = step(state, [dealt[k] for k in step.own_parts])
    return step.fetch(state)[0], metrics


@pytest.fixture(scope="module")
def one_device() -> tuple[TrainState, Metrics]:
    return after_steps(1, "jit")


@pytest.mark.parametrize(("num_devices", "parallel"), [(2, "pmap"), (4, "mesh")])
def test_ten_steps_on_several_devices_equal_those_on_one(
    one_device: tuple[TrainState, Metrics], num_devices: int, parallel: str
) -> None:
    several = after_steps(num_devices, parallel)
    assert several[1].num_sentences == one_device[1].num_sentences == 7
    for a, b in zip(jax.tree.leaves(several), jax.tree.leaves(one_device), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("num_devices", "parallel", "kind"),
    [(1, "auto", SingleStep), (1, "jit", SingleStep), (2, "auto", MeshStep), (2, "pmap", PmapStep)],
)
def test_the_way_follows_from_name_and_number(num_devices: int, parallel: str, kind: type) -> None:
    assert type(step_of_run(lambda *_: _, {}, jax.random.key(0), num_devices, parallel)) is kind


@pytest.mark.parametrize(
    ("num_devices", "parallel", "found"),
    [
        (99, "pmap", "99 devices requested, but only 4 found"),
        (99, "mesh", "99 devices requested, but only 4 found"),
        (2, "jit", "parallel=jit is for one device, not for 2"),
    ],
)
def test_devices_that_do_not_fit_are_refused(num_devices: int, parallel: str, found: str) -> None:
    with pytest.raises(ValueError, match=found):
        step_of_run(lambda *_: _, {}, jax.random.key(0), num_devices, parallel)


def test_ten_steps_on_two_hosts_equal_those_on_one_device(
    one_device: tuple[TrainState, Metrics], tmp_path: Path
) -> None:
    """The hosts are two processes, each with its own half of every batch."""
    ends = Hosts(["steps", str(tmp_path / "leaves.npz")]).ends()
    assert [end[0] for end in ends] == [0, 0], ends
    with np.load(tmp_path / "leaves.npz") as leaves:
        for a, b in zip(leaves.values(), jax.tree.leaves(one_device), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


def test_hosts_share_batches_equally(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [sharing(8, n) for n in (1, 3, 16)] == [1, 3, 8]
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    assert [sharing(8, n) for n in (2, 3, 16)] == [2, 2, 8]
    assert sharing(5, 16) == 4
    with pytest.raises(ValueError, match="1 sentences in a batch and 8 devices for 2 hosts"):
        sharing(8, 1)
    for refused in ("jit", "pmap"):
        with pytest.raises(ValueError, match=f"parallel={refused} is for one host; use mesh"):
            step_of_run(lambda *_: _, {}, jax.random.key(0), 2, refused)

"""Tests of what hosts that train together agree on; `test_hosts_flags` has several, here is one of them."""

from pathlib import Path

import pytest

from cman_jax.errors import InputError
from cman_jax.training import hosts
from cman_jax.training.history import AHEAD
from cman_jax.training.hosts import ALONE, HostLost, SeveralHosts
from cman_jax.training.loop import train_population
from cman_jax.training.member import Job
from cman_jax.training.stopping import Stop, Stopped
from tests.builders import SENTENCES, tiny_config


def test_what_is_agreed_soon_comes_some_calls_later_and_what_is_agreed_comes_at_once() -> None:
    several, answers = SeveralHosts(), range(1, 10)
    assert [several.agree_soon(k) for k in answers] == [0, 0, 0, 0, 1, 2, 3, 4, 5]
    assert several.agree(7) == 7
    assert [several.agree_soon(k) for k in answers] == [0, 0, 0, 0, 1, 2, 3, 4, 5]  # none of before
    assert [ALONE.agree_soon(k) for k in answers] == list(answers)


def test_one_host_that_is_asked_ends_all(monkeypatch: pytest.MonkeyPatch) -> None:
    several = SeveralHosts()
    stop = Stop(hosts=several)
    assert not any(stop.must_save() for _ in range(6))
    monkeypatch.setattr(several, "agree", lambda value: max(value, 2))  # another host is asked
    with pytest.raises(Stopped, match="training stopped after epoch 3"):
        stop.saved("epoch 3")


def test_hosts_that_find_different_numbers_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    several = SeveralHosts()
    several.refuse_differences(3, Path("run"), "finished epochs:")
    monkeypatch.setattr(several, "agree", lambda value: max(value, 5))
    with pytest.raises(
        InputError, match="run: found finished epochs: 3 on this host, and from -5 to 5 on all"
    ):
        several.refuse_differences(3, Path("run"), "finished epochs:")


@pytest.mark.parametrize(
    ("error", "lost"),
    [
        (ValueError("UNKNOWN: Gloo AllGather failed: Connection closed by peer"), True),
        (RuntimeError("DEADLINE_EXCEEDED: Barrier timed out. Id: cman_jax_1"), True),
        (ValueError("population 3 is not divisible by 2 devices"), False),
        (InputError("nccl.jsonl", 1, "no JSON", "a sentence"), False),
    ],
)
def test_errors_because_of_another_host_are_told_apart(error: Exception, lost: bool) -> None:
    with pytest.raises(HostLost if lost else type(error)), SeveralHosts().noticing_lost():
        raise error
    with pytest.raises(type(error)), ALONE.noticing_lost():
        raise error


def test_a_lag_is_not_shorter_than_the_steps_that_wait() -> None:
    assert hosts._LAG >= AHEAD


def test_a_population_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    jobs = [Job(tiny_config(), {"train": SENTENCES, "dev": SENTENCES}, tmp_path / str(k)) for k in range(2)]
    with pytest.raises(ValueError, match="a population is for one host"):
        train_population(jobs, hosts=SeveralHosts())
    assert list(tmp_path.iterdir()) == []

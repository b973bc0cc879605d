"""Tests of batches that a thread builds: their order, how far ahead, what they wait for, and errors."""

import threading
import time
from types import SimpleNamespace

import pytest

from cman_jax.training import ahead
from cman_jax.training.ahead import AHEAD, BuiltAhead


def test_batches_come_in_order_from_one_other_thread() -> None:
    threads = set()

    def build(plan: int) -> int:
        threads.add(threading.current_thread().name)
        return 10 * plan

    with BuiltAhead(range(20), build) as batches:
        assert list(batches) == [10 * plan for plan in range(20)]
    assert len(threads) == 1
    assert threading.current_thread().name not in threads


def test_few_batches_are_built_ahead() -> None:
    built, enough = [], threading.Event()

    def build(plan: int) -> int:
        built.append(plan)
        if plan == AHEAD:
            enough.set()
        return plan

    with BuiltAhead(range(100), build) as batches:
        assert next(batches) == 0
        assert enough.wait(10)
        time.sleep(0.05)  # a further one would be built now
        assert built == list(range(AHEAD + 1))


def test_the_waiting_is_that_for_batches_and_not_for_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([10.0, 13.0, 50.0, 50.5, 90.0, 90.0])  # around the waiting for each of three batches
    monkeypatch.setattr(ahead, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    with BuiltAhead(range(3), lambda plan: plan) as batches:
        waited = [(batch, batches.seconds_waited) for batch in batches]
    assert waited == [(0, 3.0), (1, 3.5), (2, 3.5)]


def test_the_next_batches_are_built_during_a_step() -> None:
    built = threading.Semaphore(0)

    def build(plan: int) -> int:
        built.release()
        return plan

    with BuiltAhead(range(3), build) as batches:
        next(batches)  # the step on this batch follows, and asks for nothing
        assert all(built.acquire(timeout=10) for _ in range(3))


def test_an_error_is_raised_with_its_batch_and_ends_the_thread() -> None:
    def build(plan: int) -> int:
        if plan == 2:
            raise MemoryError(plan)
        return plan

    before = threading.active_count()
    with BuiltAhead(range(5), build) as batches:
        assert [next(batches), next(batches)] == [0, 1]
        with pytest.raises(MemoryError):
            next(batches)
    assert threading.active_count() == before


def test_leaving_early_builds_nothing_more() -> None:
    built = []
    with BuiltAhead(range(100), built.append) as batches:
        next(batches)
    assert len(built) <= AHEAD + 1

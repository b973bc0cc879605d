"""Tests of the worker's commands with a framework that only counts steps."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from experiments.benchmarking.settings import Case
from experiments.benchmarking.worker import MEASUREMENT_SECONDS, Worker

CASE = {"what": "train_step", "batch_size": 2, "length": 8}


class CountingSide:
    """A framework whose steps take 50 ms, the first one 100 ms, and allocate memory while they run.

    Args:
      num_bytes: the bytes that every step allocates.
    """

    def __init__(self, num_bytes: int = 0):
        self.calls: list[int] = []
        self._num_bytes = num_bytes

    def program(self, case: Case) -> Callable[[int], None]:
        assert case == Case(**CASE)

        def run(steps: int) -> None:
            held = np.ones(self._num_bytes, np.uint8)
            time.sleep(0.05 * (steps if self.calls else 2))
            self.calls.append(steps)
            del held

        return run

    def reset_peak(self) -> None:
        pass

    def peak_device_bytes(self) -> None:
        return None


def worker_of(side: Any) -> Worker:
    worker = Worker(lambda message: None, dict)
    worker._side = side
    return worker


def test_a_measurement_follows_the_warm_up_and_is_long_enough() -> None:
    worker = worker_of(side := CountingSide())
    prepared = worker.answer("prepare", case=CASE)
    assert prepared["first_seconds"] >= 0.1
    assert side.calls == [1, 1, 1, 1]
    steps = prepared["steps"]
    assert 1 <= steps <= MEASUREMENT_SECONDS / 0.05
    per_step = worker.answer("run")["seconds"]
    assert side.calls[-1] == steps
    assert per_step >= 0.05


def test_memory_is_the_peak_while_steps_run() -> None:
    held = 64 * 2**20
    result = worker_of(CountingSide(held)).answer("memory", case=CASE)
    assert result["peak"] >= result["increase"] >= 0.9 * held
    assert result["device_peak"] is None


def test_an_unknown_command_raises() -> None:
    with pytest.raises(ValueError, match="unknown command 'sing'"):
        worker_of(CountingSide()).answer("sing")

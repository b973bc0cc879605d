"""Tests of the turnstile: a run waits before every epoch, and its clock stops while it waits."""

import time

import pytest

from experiments.benchmarking.turnstile import Turnstile


def test_the_clock_stops_during_the_turns_of_other_workers() -> None:
    waits = []

    def receive() -> dict[str, str]:
        time.sleep(0.2)
        return {"command": "go"}

    turnstile = Turnstile(waits.append, receive)
    for epoch in (1, 2):
        turnstile.start_epoch(epoch, 2, 10)
        turnstile.end_epoch([{"epoch": e, "dev": {"ner": float(e)}} for e in range(1, epoch + 1)])
    result = turnstile.result()
    assert waits == [{"waiting": 1}, {"waiting": 2}]
    assert len(result["epoch_seconds"]) == 2
    assert result["total_seconds"] == pytest.approx(result["startup_seconds"] + sum(result["epoch_seconds"]))
    assert result["total_seconds"] < 0.4  # without the two waits of 0.2 s
    assert result["dev"] == [{"ner": 1.0}, {"ner": 2.0}]

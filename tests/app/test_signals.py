"""Tests of signals: a training may finish its step, everything else ends at once, and the status says why."""

import os
import signal

import pytest

from cman_jax.app.signals import Interrupted, stopping_by_signals
from cman_jax.training.stopping import Stop

STATUS = [(signal.SIGTERM, 75), (signal.SIGINT, 130)]


def send_in_training(*numbers: signal.Signals) -> None:
    """Takes a step in which signals come."""
    stop = Stop()
    with stopping_by_signals(stop), stop.watching():
        assert not stop.must_save()
        for number in numbers:
            os.kill(os.getpid(), number)
        assert stop.must_save()
        stop.saved("3 of 4 steps of epoch 2")


def send_without_training(number: signal.Signals) -> None:
    """Does something else in which a signal comes."""
    with stopping_by_signals(Stop()):
        os.kill(os.getpid(), number)
        pytest.fail("the program goes on")


@pytest.mark.parametrize(("number", "status"), STATUS)
def test_a_training_ends_after_its_step(number: signal.Signals, status: int) -> None:
    before = signal.getsignal(number)
    with pytest.raises(Interrupted) as end:
        send_in_training(number)
    assert end.value.status == status
    saved = "training stopped after 3 of 4 steps of epoch 2, which is saved; start it again to resume there"
    assert str(end.value) == f"{number.name}: {saved}"
    assert signal.getsignal(number) is before


@pytest.mark.parametrize(("number", "status"), STATUS)
def test_without_a_training_the_program_ends_at_once(number: signal.Signals, status: int) -> None:
    with pytest.raises(Interrupted, match=f"{number.name}: start the command again") as end:
        send_without_training(number)
    assert end.value.status == status


def test_a_second_signal_does_not_wait_for_the_step() -> None:
    with pytest.raises(Interrupted, match="SIGINT: start the command again") as end:
        send_in_training(signal.SIGTERM, signal.SIGINT)
    assert end.value.status == 130

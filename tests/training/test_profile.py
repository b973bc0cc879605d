"""Tests of which steps are profiled."""

from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from cman_jax.training.profile import Profile


class Recorder:
    """A profiler that knows which step runs."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.running, self.profiled, self.ended = False, [], 0
        monkeypatch.setattr(jax.profiler, "start_trace", self._start)
        monkeypatch.setattr(jax.profiler, "stop_trace", self._stop)

    def _start(self, folder: str) -> None:
        assert not self.running
        self.running = True

    def _stop(self) -> None:
        assert self.running
        self.running, self.ended = False, self.ended + 1

    def train(self, profile: Profile, epochs: int, steps: int) -> None:
        """Calls the display as a training does, whose first epoch has two steps from before."""
        number = 0
        for epoch in range(epochs):
            profile.start_epoch(epoch + 1, epochs, 8 * steps)
            profile.advance(0 if epoch else 16)
            for _ in range(steps):
                number += 1
                self.profiled += [number] if self.running else []
                profile.advance(8)
        profile.close()


@pytest.mark.parametrize(
    ("first", "last", "profiled"),
    [
        (1, 1, [1]),
        (2, 4, [2, 3, 4]),
        (3, 5, [3, 4, 5]),
        (4, 99, [4, 5, 6]),
        (8, 9, []),
        (1, 6, [1, 2, 3, 4, 5, 6]),
    ],
)
def test_the_steps_from_first_to_last_are_profiled_once(
    monkeypatch: pytest.MonkeyPatch, first: int, last: int, profiled: list[int]
) -> None:
    recorder = Recorder(monkeypatch)
    recorder.train(Profile(Path("none"), first, last), epochs=2, steps=3)
    assert recorder.profiled == profiled
    assert not recorder.running
    assert recorder.ended == bool(profiled)


def test_a_training_with_too_few_steps_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    Recorder(monkeypatch).train(Profile(Path("none"), 8, 9), epochs=2, steps=3)
    assert capsys.readouterr().out == "no profile: training ended after 6 steps, before step 8\n"


def test_a_profile_is_written(tmp_path: Path) -> None:
    profile = Profile(tmp_path / "profile", 1, 1)
    profile.start_epoch(1, 1, 8)
    profile.advance(0)
    jnp.ones(3).sum().block_until_ready()
    profile.advance(8)
    assert list((tmp_path / "profile").rglob("*.xplane.pb"))

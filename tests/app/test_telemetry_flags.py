"""Tests of the flag of steps to profile."""

import pytest

from cman_jax.app.telemetry_flags import parse_steps
from cman_jax.errors import InputError


def test_steps_are_two_numbers() -> None:
    assert parse_steps("10:20") == (10, 20)
    assert parse_steps("7:7") == (7, 7)


@pytest.mark.parametrize("text", ["", "10", "0:5", "20:10", "a:b", "1:2:3", "-1:5", " 1:2", "1:9999999999"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(InputError, match=f"--profile_steps={text}, expected two steps in rising order"):
        parse_steps(text)

"""Tests of list flags and of precisions."""

import pytest

from cman_jax.config import Config, to_dict
from cman_jax.errors import InputError
from experiments.benchmarking.jax_side import JaxSide
from experiments.benchmarking.settings import MEASURES, Settings, choices, numbers


def test_repeated_values_are_removed_and_the_order_is_kept() -> None:
    assert choices("what", ["memory", "epoch", "memory"], MEASURES) == ("memory", "epoch")
    assert numbers("length", ["64", "32", "64"]) == (64, 32)


@pytest.mark.parametrize("values", [["0"], ["8", "-1"], ["x"], [""], ["1.5"], []])
def test_lengths_are_whole_numbers_of_at_least_one(values: list[str]) -> None:
    with pytest.raises(
        InputError, match=r"flags: found length = .*, expected one or more whole numbers, each"
    ):
        numbers("length", values)


@pytest.mark.parametrize("values", [["speed"], ["memory", ""], []])
def test_unknown_names_are_refused(values: list[str]) -> None:
    with pytest.raises(InputError, match=r"flags: found what = .*, expected one or more of train_step, inf"):
        choices("what", values, MEASURES)


def test_a_precision_that_the_cpu_does_not_support_is_refused() -> None:
    settings = Settings(to_dict(Config()), "data", None, "shared", precision="tf32")
    with pytest.raises(InputError, match="precision tf32 for JAX on the CPU, expected float32 or bfloat16"):
        JaxSide(settings, None)

"""Lists on the command line."""

import pytest

from cman_jax.config import Config, to_dict
from cman_jax.errors import InputError
from experiments.benchmarking.jax_side import JaxSide
from experiments.benchmarking.settings import MEASURES, Settings, choices, numbers


def test_each_is_taken_once_in_the_order_given() -> None:
    assert choices("what", ["memory", "epoch", "memory"], MEASURES) == ("memory", "epoch")
    assert numbers("length", ["64", "32", "64"]) == (64, 32)


@pytest.mark.parametrize("values", [["0"], ["8", "-1"], ["x"], [""], ["1.5"], []])
def test_lengths_are_whole_numbers_from_one(values: list[str]) -> None:
    with pytest.raises(InputError, match=r"flags: found length = .*, expected whole numbers from 1 on"):
        numbers("length", values)


@pytest.mark.parametrize("values", [["speed"], ["memory", ""], []])
def test_names_are_among_the_known(values: list[str]) -> None:
    with pytest.raises(InputError, match=r"flags: found what = .*, expected some of train_step, inference"):
        choices("what", values, MEASURES)


@pytest.mark.parametrize("precision", ["bfloat16", "tf32"])
def test_precisions_that_the_cpu_lacks_are_refused(precision: str) -> None:
    settings = Settings(to_dict(Config()), "data", None, "shared", precision=precision)
    with pytest.raises(InputError, match=f"precision {precision} for JAX on the CPU, expected float32"):
        JaxSide(settings, None)

"""Tests of the last line of a training."""

import re

import jax
import jax.numpy as jnp

from cman_jax.app.totals import Totals
from cman_jax.memory import peak_memory

PARAMS = {"kernel": jnp.zeros((100, 200)), "bias": jax.ShapeDtypeStruct((5000,), jnp.float32)}


def test_speed_leaves_the_compiler_out_and_adds_up_the_runs() -> None:
    totals, epoch = Totals(), {"seconds": 10.0, "sentences_per_second": 30.0}
    first, second = [{**epoch, "compiling_seconds": 6.0}], [{**epoch, "compiling_seconds": 0.0}]
    totals.end_epoch(first, first)
    totals.end_epoch([*first, *second], [*first, *second])
    # Two runs of 300 sentences in each of two epochs, in 4 + 10 seconds.
    line = totals.line(PARAMS, 2)
    assert re.fullmatch(
        r"0\.03 million parameters, 86 sentences/s, 6 s waiting for the compiler, "
        r"peak memory [0-9.]+ GiB; 2 x cpu",
        line,
    )


def test_a_training_that_was_done_before_has_no_speed() -> None:
    assert Totals().line(PARAMS, 1).startswith("0.03 million parameters, peak memory ")


def test_the_peak_of_memory_counts_what_is_in_use() -> None:
    before = peak_memory()
    held = jnp.ones((60, 2**20))
    assert held.nbytes < peak_memory()
    assert before <= peak_memory()

"""Tests of the kinds of operations in a compiled program."""

import jax
import jax.numpy as jnp

from cman_jax.layers.lstm import BiLSTM
from experiments.benchmarking.operations import KINDS, REST, kinds_of, milliseconds_by_kind

TEXT = """
%inner (a: f32[2]) -> f32[2] {
  %dot.1 = f32[2] dot(%a, %a), metadata={op_name="jit(step)/relation/dot_general"}
}

%branch (a: f32[2]) -> f32[2] {
  ROOT %fused.10 = f32[2] fusion(%a), metadata={op_name="jit(step)/cond/branch_1_fun/mul"}
}

ENTRY %main (x: f32[2]) -> f32[2] {
  %x = f32[2] parameter(0)
  %while.2 = (f32[2]) while(%x), metadata={op_name="jit(step)/bsa_0/encoder/bilstm/bilstm.states/while"}
  %while.3 = (f32[2]) while(%x), metadata={op_name="jit(step)/jit(loss)/jvp()/while"}
  %fused.4 = f32[2] fusion(%x), metadata={op_name="jit(step)/relation/jit(_score_in_turn)/exp"}
  %dot.5 = f32[2] dot(%x, %x)
  %fused.6 = f32[2] fusion(%x), metadata={op_name="jit(step)/bsa_0/attention/key/dot_general"}
  %wrapped_copy.7 = f32[2] fusion(%x)
  %conditional.8 = f32[2] conditional(%x), metadata={op_name="jit(step)/cond"}
  ROOT %fused.9 = f32[2] fusion(%x), metadata={op_name="jit(step)/tanh"}
}
"""


def test_an_operation_has_a_kind_and_those_inside_of_others_do_not_count() -> None:
    kinds = kinds_of(TEXT)
    assert kinds.pop("x") == REST
    assert kinds == {
        "while.2": "LSTM loops",
        "while.3": "CRF",
        "fused.4": "relation scorer",
        "dot.5": "products",
        "fused.6": "products",
        "wrapped_copy.7": "copies and rounding",
        "fused.10": "optimiser",
        "fused.9": REST,
    }


def test_the_time_of_a_loop_is_found_in_the_trace_of_a_compiled_program() -> None:
    layer, x, mask = BiLSTM(4), jnp.ones((2, 8, 3)), jnp.ones((2, 8), bool)
    params = layer.init(jax.random.key(0), x, mask)
    compiled = jax.jit(layer.apply).lower(params, x, mask).compile()

    def run(steps: int) -> None:
        for _ in range(steps):
            jax.block_until_ready(compiled(params, x, mask))

    times = milliseconds_by_kind(compiled.as_text(), run, steps=2)
    assert list(times) == [*KINDS, REST]
    assert times["LSTM loops"] > 0
    assert times["relation scorer"] == times["optimiser"] == 0

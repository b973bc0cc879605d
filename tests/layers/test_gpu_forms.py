"""Tests of the forms for NVIDIA GPUs against the plain forms.

On a machine with a GPU, the kernels of Pallas run. Without a GPU, they are interpreted, which tests their
arithmetic, and lowered to Triton, which tests that this version of JAX can translate them.
"""

import contextlib
import functools
import warnings
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental import pallas as pl

from cman_jax.compilation import compiler_options
from cman_jax.layers import crf, crf_tree, lstm, lstm_kernels, pairwise, pairwise_kernels
from cman_jax.layers.lstm_kernels import Plan
from cman_jax.layers.platform import by_platform, kernel, num_processors
from cman_jax.layers.products import batched_matmul, weight_gradient
from cman_jax.model import embedding
from cman_jax.types import CRFPotentials
from tests.builders import TOLERANCES, lengths_to_mask, normal, precision

HAS_GPU = jax.default_backend() == "gpu"


@pytest.fixture
def runnable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the kernels run on this machine, by interpretation without a GPU."""
    if not HAS_GPU:
        original = pl.pallas_call

        def interpreted(*arguments: Any, compiler_params: Any, **named: Any) -> Callable:
            del compiler_params
            return original(*arguments, interpret=True, **named)

        monkeypatch.setattr(pl, "pallas_call", interpreted)


def close(actual: Any, expected: Any, tolerance: float = 1e-5) -> None:
    """Asserts that all arrays are equal up to the tolerance."""
    jax.tree.map(lambda a, e: np.testing.assert_allclose(a, e, tolerance, tolerance), actual, expected)


# LSTM

PLANS = [Plan(1, 2, 8), Plan(2, 1, 8), Plan(4, 0, 8), Plan(16, 4, 8)]


def lstm_case(batch: int, dim: int, length: int = 4) -> dict[str, Any]:
    """Returns random arguments of the loop over time and of its gradient."""
    mask = lengths_to_mask([1 + k % length for k in range(batch)], length).T
    case = {
        "gates": normal(0, 2, length, batch, 4 * dim),
        "recurrent_kernel": normal(1, 2, dim, 4 * dim),
        "mask": np.stack([mask, mask[::-1]]),
        "d_states": normal(2, 2, length, batch, dim),
    }
    return jax.tree.map(jnp.asarray, case)


def both_loops(forms: Any, case: dict[str, Any]) -> Any:
    """Returns the results of the loop over time and of its gradient."""
    forward, backward = forms
    activations, states, cells = forward(case["gates"], case["recurrent_kernel"], case["mask"])
    arguments = (activations, cells, case["recurrent_kernel"], case["mask"], case["d_states"])
    return activations, states, cells, backward(*arguments)


KERNELS = (lstm_kernels.forward, lstm_kernels.backward)
LOOPS = (lstm._loop_forward, lstm._loop_backward)


@pytest.mark.usefixtures("runnable")
@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: f"{plan.rows} rows")
@pytest.mark.parametrize(("batch", "dim"), [(5, 16), (3, 5)])
def test_lstm_kernels_equal_the_loop(
    plan: Plan, batch: int, dim: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lstm_kernels, "plan_for", lambda *arguments: plan)
    case = lstm_case(batch, dim)
    close(both_loops(KERNELS, case), jax.jit(functools.partial(both_loops, LOOPS))(case))


@pytest.mark.usefixtures("runnable")
def test_lstm_kernels_work_for_a_population() -> None:
    case = lstm_case(2, 5)
    members = jax.tree.map(lambda x: jnp.stack([x, x[:, ::-1] if x.dtype == bool else -x]), case)
    each = functools.partial(both_loops, KERNELS)
    close(jax.vmap(each)(members), jax.vmap(functools.partial(both_loops, LOOPS))(members))


@pytest.mark.parametrize(
    ("sequences", "dim", "rows"),
    [(64, 128, 1), (132, 128, 1), (256, 128, 2), (1000, 128, 4), (64, 64, 1), (1474, 64, 16), (50, 25, 1)],
)
def test_a_program_has_one_sequence_until_there_are_more_than_processors(
    sequences: int, dim: int, rows: int
) -> None:
    plan = lstm_kernels.plan_for(sequences, dim)
    assert plan.rows == rows
    assert plan.kept * dim**2 * 4 <= 192 * 2**10  # bytes of the weights that stay in registers


def test_the_number_of_processors_is_asked_of_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    num_processors.cache_clear()
    monkeypatch.setattr(jax, "local_devices", lambda: [SimpleNamespace(core_count=40)])
    assert num_processors() == 40
    assert [lstm_kernels.plan_for(sequences, 128).rows for sequences in (40, 64, 100)] == [1, 2, 4]
    monkeypatch.undo()
    num_processors.cache_clear()


# Scorer


def scorer_case(groups: int, n: int, m: int, scale: float = 1.0) -> tuple[jax.Array, ...]:
    """Returns random summands, output weights, and a gradient of the scores."""
    subject, object_ = (normal(k, 2, 3, groups, size, scale=scale) for k, size in enumerate((n, m)))
    return tuple(map(jnp.asarray, (subject, object_, normal(2, 3, 4), normal(3, 2, 4, n, m))))


@pytest.mark.usefixtures("runnable")
@pytest.mark.parametrize("groups", [1, 4])
@pytest.mark.parametrize(("n", "m", "scale"), [(3, 5, 1), (40, 33, 1), (3, 5, 40), (40, 33, 40)])
def test_scorer_kernels_equal_the_loop_over_units(
    groups: int, n: int, m: int, scale: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        pairwise_kernels, "_CELLS", 1024
    )  # several steps of the gradient's loop for 40 x 33 cells
    subject, object_, output, d_scores = scorer_case(groups, n, m, scale)
    close(pairwise_kernels.score(subject, object_, output), pairwise._score_in_turn(subject, object_, output))
    gradients = [
        gradient(subject, object_, d_scores, output)
        for gradient in (pairwise_kernels.gradients, pairwise._gradients_in_turn)
    ]
    close(*gradients, tolerance=1e-4)


# Translation


@contextlib.contextmanager
def gpu_to_lower_for() -> Iterator[None]:
    """Names a GPU to lower for, which JAX 0.11 and later need, and ignores their warning about Pallas."""
    with warnings.catch_warnings(), contextlib.ExitStack() as stack:
        warnings.simplefilter("ignore", DeprecationWarning)
        if not HAS_GPU and hasattr(jax.sharding, "AbstractDevice"):
            device = jax.sharding.AbstractDevice("NVIDIA H100 80GB HBM3", None, "gpu")
            mesh = jax.sharding.AbstractMesh((), (), abstract_device=device)
            stack.enter_context(jax.sharding.use_abstract_mesh(mesh))
        yield


def lstm_training(case: dict[str, Any]) -> Any:
    """Returns the results of both kernels of the LSTM."""
    return both_loops(KERNELS, case)


def scorer_training(case: tuple[Any, ...]) -> Any:
    """Returns the results of both kernels of the scorer."""
    subject, object_, output, d_scores = case
    arguments = (subject, object_, d_scores, output)
    return pairwise_kernels.score(subject, object_, output), pairwise_kernels.gradients(*arguments)


@pytest.mark.parametrize(
    ("function", "case"),
    [
        (lstm_training, functools.partial(lstm_case, 3, 128)),
        (lstm_training, functools.partial(lstm_case, 150, 128)),
        (lstm_training, functools.partial(lstm_case, 300, 25)),
        (scorer_training, functools.partial(scorer_case, 4, 44, 44)),
        (scorer_training, functools.partial(scorer_case, 1, 20, 200)),
    ],
    ids=["LSTM", "LSTM, two rows", "LSTM, tiles, odd width", "scorer", "scorer, shared"],
)
def test_kernels_translate_to_triton(function: Callable, case: Callable) -> None:
    case = case()
    with gpu_to_lower_for():
        population = jax.tree.map(lambda x: jnp.stack([x, x]), case)
        lowered = jax.jit(jax.vmap(function)).trace(population).lower(lowering_platforms=("cuda",))
        assert lowered.as_text().count("__gpu$xla.gpu.triton") == 2


# Chain


@pytest.mark.parametrize("scale", [3, 3e5])
@pytest.mark.parametrize(
    ("dtype", "n", "t"), [(np.float32, 7, 4), *[(np.float64, n, t) for n, t in ((1, 3), (2, 1), (9, 5))]]
)
def test_the_chain_by_halving_equals_the_recursion(dtype: type, n: int, t: int, scale: float) -> None:
    numbers = normal(n, 4, n + 1, t, t, scale=scale, dtype=dtype)
    mask = jnp.asarray(lengths_to_mask([n, 1, max(1, n - 1), max(1, n // 2)], n))

    @functools.partial(jax.jit, static_argnums=0)
    def values(form: Callable, potentials: CRFPotentials) -> Any:
        weighted = lambda p: (form(p, mask) * jnp.arange(1, 5)).sum()  # noqa: E731
        return form(potentials, mask), jax.grad(weighted)(potentials)

    with precision(dtype):
        potentials = CRFPotentials(jnp.asarray(numbers[:, 0, 0]), jnp.asarray(numbers[:, 1:]))
        if scale > 3:  # every second tag may only be the first or follow itself
            free = jnp.arange(t) % 2 == 0
            potentials = crf.constrain(potentials, jnp.ones(t, bool), free[None] | jnp.eye(t, dtype=bool))
        expected = values(crf._log_partition_recursion, potentials)
        assert expected[0].dtype == dtype
        for form in (crf_tree.log_partition, crf.log_partition):
            close(values(form, potentials), expected, 10 * TOLERANCES[dtype])
        best = jax.jit(crf_tree.viterbi)(potentials, mask)
        np.testing.assert_array_equal(best, jax.jit(crf._viterbi_recursion)(potentials, mask))


# Products, and the choice of a form


def test_a_stacked_product_and_its_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    x, weights, d_y = map(jnp.asarray, (normal(0, 2, 5, 3), normal(1, 2, 3, 4), normal(2, 2, 5, 4)))
    product, gradient = jax.vjp(lambda x, w: jnp.einsum("gme,gek->gmk", x, w), x, weights)
    ours, our_gradient = jax.vjp(batched_matmul, x, weights)
    close((ours, our_gradient(d_y)), (product, gradient(d_y)))
    monkeypatch.setattr(
        "cman_jax.layers.products.by_platform", lambda *arguments, cuda, default: cuda(*arguments)
    )
    close(weight_gradient(x, d_y), gradient(d_y)[1])


def test_rows_by_a_product_equal_the_rows_and_their_gradients() -> None:
    table, d_rows = jnp.asarray(normal(0, 2, 7, 3)), jnp.asarray(normal(1, 2, 4, 5, 3))
    ids = jnp.asarray(np.random.default_rng(2).integers(0, 7, (2, 4, 5)))  # some of them several times
    results = []
    for form in (embedding._rows_by_product, embedding._rows):
        rows, gradient = jax.vjp(lambda table, form=form: form(table, ids), table)
        results.append((rows, gradient(d_rows)))
    close(*results)


def test_other_programs_get_the_default_form_and_no_settings_even_beside_a_gpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    traced = []

    def form(name: str, factor: float) -> Callable:
        return lambda x: traced.append(name) or x * factor

    def value() -> float:
        return float(jax.jit(lambda x: by_platform(x, cuda=form("cuda", 2), default=form("plain", 3)))(1.0))

    if not HAS_GPU:
        assert compiler_options() == {}
        assert value() == 3
        assert traced == ["plain"]
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    with jax.default_device(jax.devices("cpu")[0]):
        assert value() == 3
    assert "cuda" in traced


def test_a_kernel_is_imported_when_it_is_called() -> None:
    assert kernel("math", "hypot")(3.0, 4.0) == 5
    with pytest.raises(ModuleNotFoundError):
        kernel("cman_jax.model.no_such_module", "forward")()

"""Tests that JAX and the PyTorch twin agree on trained parameters and on multiples of them.

They compare potentials, losses, η, gradients and updates. Most pairs of networks run in float64, where they
agree to many digits at every scale. One pair runs in float32.
"""

import contextlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import numpy as np
import pytest

pytest.importorskip("torch", reason="needs PyTorch, which is an extra")

import torch

from cman_jax.types import Params
from experiments.torch_reference.batch import to_torch
from experiments.torch_reference.convert import gradients, load_params, to_jax_params
from experiments.torch_reference.network import TorchCMAN
from experiments.torch_reference.step import accumulate_gradients, train_step
from tests import trained
from tests.independent.cases import BATCH_SIZE, TRAINING, Case, Ours, case_of, cast, distance, error

NUM_STEPS = 20
NUM_SENTENCES = BATCH_SIZE - 1
PLAIN = "neither attention, no class N"  # with the paper's chain and scorer
OTHER = "no self-attention, factored chain, shared scorer"
SETTINGS = [("all three", 1), *((part, scale) for part in trained.PARTS for scale in trained.SCALES[1:])]


class Pair(NamedTuple):
    """The results of both networks for the same sentences and the same parameters.

    Attributes:
      dtype: the precision of both networks.
      scale: the factor on the trained parameters.
      ours: the results of JAX.
      theirs: the results of PyTorch, without padding; `metrics` holds (NER loss, relation loss).
    """

    dtype: type
    scale: float
    ours: Ours
    theirs: Ours

    @property
    def tolerance(self) -> float:
        """Returns the largest accepted error."""
        return 1e-6 if self.dtype == np.float64 else 1e-3


@contextlib.contextmanager
def default_precision(dtype: type) -> Iterator[None]:
    """Makes `dtype` the default type of PyTorch's tensors inside the context."""
    torch.set_default_dtype({np.float32: torch.float32, np.float64: torch.float64}[dtype])
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.fixture(
    scope="module",
    params=[(PLAIN, np.float64), (OTHER, np.float64), (OTHER, np.float32)],
    ids=lambda case: f"{case[0]}, {case[1].__name__}",
)
def network(request: pytest.FixtureRequest) -> Iterator[tuple[Case, type]]:
    with default_precision(request.param[1]):
        yield case_of(request.param[0]), request.param[1]


@pytest.fixture(scope="module", params=SETTINGS, ids=lambda setting: f"{setting[0]} x {setting[1]}")
def pair(request: pytest.FixtureRequest, network: tuple[Case, type]) -> Pair:
    case, dtype = network
    params = trained.scaled(case.params, *request.param)
    return Pair(dtype, request.param[1], case.ours(params, dtype), observed_twin(case, params, dtype))


def twin_of(case: Case, params: Params, dtype: type) -> TorchCMAN:
    network = TorchCMAN(case.config, case.model.sizes)
    load_params(network, cast(params, dtype), {})
    return network


def observed_twin(case: Case, params: Params, dtype: type) -> Ours:
    network, outputs = twin_of(case, params, dtype), []
    hook = network.register_forward_hook(lambda module, arguments, output: outputs.append(output))
    terms, eta = accumulate_gradients(network, to_torch(case.padded(case.members)), TRAINING.alpha)
    hook.remove()
    potentials = jax.tree.map(lambda tensor: tensor.detach().numpy(), outputs[0])
    losses = tuple(term.item() / NUM_SENTENCES for term in terms)
    return Ours(potentials, losses, eta.numpy(), gradients(network, params))


def without_padding(x: Any, like: np.ndarray) -> np.ndarray:
    return x[tuple(map(slice, like.shape))]


def test_potentials_are_the_same(pair: Pair) -> None:
    for theirs, ours in zip(
        jax.tree.leaves(pair.theirs.potentials), jax.tree.leaves(pair.ours.potentials), strict=True
    ):
        assert theirs.dtype == ours.dtype == pair.dtype
        assert error(theirs, without_padding(ours, theirs)) < pair.tolerance


def test_losses_are_the_same(pair: Pair) -> None:
    ner, relation = pair.theirs.metrics
    np.testing.assert_allclose(relation, pair.ours.metrics.relation_loss, rtol=pair.tolerance / 10)
    # The chain's loss is the difference of two sums over the tokens, and each sum has a rounding error.
    largest = np.abs(pair.theirs.potentials.tagging.pairwise).max()
    rounding = 8 * np.finfo(pair.dtype).eps * largest * pair.theirs.eta.shape[1]
    close = {"rtol": pair.tolerance / 10, "atol": rounding}
    np.testing.assert_allclose(ner, pair.ours.metrics.ner_loss, **close)


def test_perturbations_and_gradients_are_the_same(pair: Pair) -> None:
    """Skips the comparison for large parameters in float32, where rounding errors dominate derivatives."""
    if pair.dtype == np.float64 or pair.scale == 1:
        for theirs, ours in zip(pair.theirs.eta, pair.ours.eta, strict=False):
            assert error(theirs, without_padding(ours, theirs)) < pair.tolerance
        whole = max(np.abs(leaf).max() for leaf in jax.tree.leaves(pair.ours.gradient))

        def share(theirs: np.ndarray, ours: np.ndarray) -> float:
            return np.abs(theirs - ours).max() / max(np.abs(ours).max(), 1e-3 * whole)

        errors = jax.tree.map(share, pair.theirs.gradient, pair.ours.gradient)
        assert max(jax.tree.leaves(errors)) < pair.tolerance
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(pair.theirs.gradient))


def test_twenty_updates_agree(network: tuple[Case, type]) -> None:
    case, dtype = network
    start = trained.scaled(case.params, "scorer", 3 if dtype == np.float64 else 1)
    ours = case.descended(start, NUM_STEPS, dtype)
    twin = twin_of(case, start, dtype)
    optimizer = torch.optim.Adam(twin.parameters(), TRAINING.learning_rate)
    for members in case.batches(NUM_STEPS):
        train_step(twin, optimizer, to_torch(case.padded(members)), TRAINING.alpha, TRAINING.clip_norm)
    theirs = to_jax_params(twin.state_dict(), start)
    moved, expected = (jax.tree.map(np.subtract, after, start) for after in (theirs, ours))
    if dtype == np.float64:
        # PyTorch adds 1e-6 to the norm when it clips gradients.
        assert max(jax.tree.leaves(jax.tree.map(distance, moved, expected))) < 1e-3
    after, wanted, before = (
        sum(observed_twin(case, params, dtype).metrics) for params in (theirs, ours, start)
    )
    assert after == pytest.approx(wanted, rel=1e-3)
    assert after != pytest.approx(before, rel=1e-2)

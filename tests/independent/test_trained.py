"""Tests of the library on trained parameters, also scaled, against the independent network in float64.

Fresh parameters are small, so tests on them do not see what goes wrong with large parameters. The library
gets the sentences padded and in batches; the independent network gets them one by one and whole.

The library runs in float64, where both networks agree to many digits at every scale, and in float32. In
float32, large parameters turn derivatives into derivatives of rounding. So derivatives are compared there at
scales up to 3.
"""

import functools
from collections.abc import Iterator
from typing import NamedTuple

import jax
import numpy as np
import pytest

from cman_jax.types import Params
from tests import trained
from tests.builders import quick_compilation
from tests.independent.cases import Case, Ours, case_of, distance, error
from tests.independent.training import Computed

NUM_STEPS = 20
SETTINGS = [("all three", 1), *((part, scale) for part in trained.PARTS for scale in trained.SCALES[1:])]
CASES = [
    *((name, np.float64) for name in trained.CASES),
    ("full", np.float32),
]


class Setting(NamedTuple):
    """One comparison.

    Attributes:
      case: the network.
      dtype: the library's precision.
      part: the parameters that are multiplied.
      scale: the factor.
    """

    case: Case
    dtype: type
    part: str
    scale: float

    @property
    def tolerance(self) -> float:
        """Returns the largest error that is allowed."""
        return 1e-6 if self.dtype == np.float64 else 1e-3

    @property
    def derivatives_are_smooth(self) -> bool:
        """Returns whether the precision is enough to compare derivatives."""
        return self.dtype == np.float64 or (self.scale <= 3 and self.part != "all three") or self.scale == 1


class Both(NamedTuple):
    """The results of both networks for the same sentences and parameters."""

    setting: Setting
    ours: Ours
    independent: list[Computed]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"{case[0]}, {case[1].__name__}")
def network(request: pytest.FixtureRequest) -> Iterator[tuple[Case, type]]:
    """Returns a trained network and the library's precision."""
    with quick_compilation():
        yield case_of(request.param[0]), request.param[1]


@pytest.fixture(scope="module", params=SETTINGS, ids=lambda setting: f"{setting[0]} x {setting[1]}")
def both(request: pytest.FixtureRequest, network: tuple[Case, type]) -> Both:
    """Returns the results of both networks under one setting."""
    case, dtype = network
    params = trained.scaled(case.params, *request.param)
    independent = case.independent.compute(params, case.members)
    return Both(Setting(*network, *request.param), case.ours(params, dtype), independent)


def test_the_potentials_are_the_same(both: Both) -> None:
    (initial, pairwise), logits = both.ours.potentials
    assert logits.dtype == both.setting.dtype
    for row, expected in enumerate(both.independent):
        n = len(expected.logits)
        assert error(logits[row, :n, :n], expected.logits) < both.setting.tolerance
        assert error(initial[row], expected.chain.initial) < both.setting.tolerance
        assert error(pairwise[row, 1:n], expected.chain.pairwise[1:]) < both.setting.tolerance


def test_the_losses_are_the_same(both: Both) -> None:
    ner, relation = (np.mean([getattr(e, name) for e in both.independent]) for name in ("ner", "relation"))
    tolerance = both.setting.tolerance / 10
    np.testing.assert_allclose(both.ours.metrics.relation_loss, relation, rtol=tolerance)
    # The chain's loss is the difference of two sums over the tokens, each exact up to rounding.
    largest = max(np.abs(e.chain.pairwise).max() * len(e.logits) for e in both.independent)
    rounding = 8 * np.finfo(both.setting.dtype).eps * largest
    np.testing.assert_allclose(both.ours.metrics.ner_loss, ner, rtol=tolerance, atol=rounding)


def test_the_perturbation_is_the_same(both: Both) -> None:
    found = []
    for row, expected in enumerate(both.independent):
        n = len(expected.eta)
        assert np.isfinite(both.ours.eta[row]).all()
        assert not both.ours.eta[row, n:].any()
        if both.setting.derivatives_are_smooth and expected.slope > 1e-3:  # a smaller slope may be rounding
            found.append(error(both.ours.eta[row, :n], expected.eta))
    assert max(found, default=0) < both.setting.tolerance
    assert found or both.setting.scale > 1


def test_the_gradient_is_the_same(both: Both) -> None:
    expected = mean_gradient(both.independent)
    whole = max(np.abs(leaf).max() for leaf in jax.tree.leaves(expected))
    for path, leaf in jax.tree_util.tree_leaves_with_path(expected):
        actual, name = at_path(both.ours.gradient, path), jax.tree_util.keystr(path)
        assert np.isfinite(actual).all(), name
        if both.setting.derivatives_are_smooth:
            largest = max(np.abs(leaf).max(), 1e-3 * whole)  # smaller entries may be rounding of other leaves
            assert np.abs(actual - leaf).max() / largest < both.setting.tolerance, name


def mean_gradient(computed: list[Computed]) -> Params:
    """Returns the mean gradient over sentences."""
    gradients = [each.gradient for each in computed]
    return jax.tree.map(lambda *leaves: sum(leaves) / len(leaves), *gradients)


def at_path(tree: Params, path: tuple) -> np.ndarray:
    """Returns the leaf at a path of the tree."""
    return functools.reduce(lambda node, key: node[key.key], path, tree)


def test_twenty_updates_stay_together(network: tuple[Case, type]) -> None:
    case, dtype = network
    start = trained.scaled(case.params, "scorer", 3 if dtype == np.float64 else 1)
    ours = case.descended(start, NUM_STEPS, dtype)
    independent = case.independent.descend(start, case.batches(NUM_STEPS))
    if dtype == np.float64:
        moved, expected = (jax.tree.map(np.subtract, after, start) for after in (ours, independent))
        assert max(jax.tree.leaves(jax.tree.map(distance, moved, expected))) < 1e-3
    # Adam's first steps follow the sign of an entry's gradient, even where the gradient is only rounding. In
    # float32 the parameters therefore differ, but their losses hardly do.
    before, after, wanted = (loss_of(case, params) for params in (start, ours, independent))
    assert after == pytest.approx(wanted, rel=1e-3 if dtype == np.float64 else 1e-2)
    assert after != pytest.approx(before, rel=5e-2)


def loss_of(case: Case, params: Params) -> float:
    """Returns the sum of both losses over the sentences."""
    return sum(each.ner + each.relation for each in case.independent.compute(params, case.members))

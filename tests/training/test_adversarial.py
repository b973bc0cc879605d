"""Tests of the perturbation: its length, its direction, and what must not change it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cman_jax.training.adversarial import perturbation
from tests.builders import lengths_to_mask, normal

B, N, E, ALPHA = 4, 5, 6, 0.01
MASK = lengths_to_mask([5, 3, 1, 0], N)
GRADIENT = normal(0, B, N, E)
perturb = jax.jit(perturbation, static_argnums=2)


def norms(eta: np.ndarray) -> np.ndarray:
    """Returns the norm of each sentence's perturbation."""
    return np.sqrt((np.asarray(eta, np.float64) ** 2).sum((1, 2)))


@pytest.mark.parametrize("alpha", [0.01, 0.001, 1.0])
def test_every_sentence_moves_by_alpha_times_the_root_of_the_width(alpha: float) -> None:
    eta = perturb(GRADIENT, MASK, alpha)
    np.testing.assert_allclose(norms(eta)[:3], alpha * np.sqrt(E), rtol=1e-5)


def test_a_sentence_moves_along_its_gradient_with_one_norm_for_all_its_tokens() -> None:
    eta = np.asarray(perturb(GRADIENT, MASK, ALPHA))
    for b in range(3):
        gradient = GRADIENT[b] * MASK[b][:, None]
        expected = ALPHA * np.sqrt(E) * gradient / np.linalg.norm(gradient)
        np.testing.assert_allclose(eta[b], expected, rtol=1e-5)


def test_padding_neither_moves_nor_counts() -> None:
    eta = perturb(GRADIENT, MASK, ALPHA)
    assert not eta[~MASK].any()
    garbage = np.where(MASK[:, :, None], GRADIENT, 1e6)
    np.testing.assert_array_equal(perturb(garbage, MASK, ALPHA), eta)


def test_every_sentence_has_its_own_norm() -> None:
    louder = GRADIENT.copy()
    louder[0] *= 100
    np.testing.assert_allclose(perturb(louder, MASK, ALPHA), perturb(GRADIENT, MASK, ALPHA), rtol=1e-5)


@pytest.mark.parametrize("scale", [1e-34, 1e-30, 1e-10, 1e10, 1e30])
def test_the_scale_of_the_loss_does_not_matter(scale: float) -> None:
    scaled = GRADIENT * np.float32(scale)
    np.testing.assert_allclose(perturb(scaled, MASK, ALPHA), perturb(GRADIENT, MASK, ALPHA), rtol=1e-4)


def test_a_sentence_without_gradient_does_not_move() -> None:
    flat = GRADIENT.copy()
    flat[1] = 0
    eta = np.asarray(perturb(flat, MASK, ALPHA))
    assert not eta[1].any()
    assert eta[0].any()
    assert np.isfinite(eta).all()


def test_gradients_below_the_smallest_normal_number_stay_finite() -> None:
    assert np.isfinite(perturb(GRADIENT * np.float32(1e-40), MASK, ALPHA)).all()


def test_no_gradient_flows_through_it() -> None:
    through = jax.grad(lambda g: jnp.sum(perturb(g, MASK, ALPHA) ** 2 + perturb(g * g, MASK, ALPHA)))
    assert not through(GRADIENT).any()


def test_a_radius_of_zero_moves_nothing() -> None:
    assert not perturb(GRADIENT, MASK, 0.0).any()

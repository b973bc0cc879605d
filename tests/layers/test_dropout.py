"""Tests of the mask's rate, and of the independence of positions, axes and keys."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cman_jax.layers.dropout import Dropout, WordDropout, position_bits
from tests.builders import precision

SHAPE = (16, 64, 256)
SIZE = np.prod(SHAPE)


@pytest.fixture(scope="module")
def bits() -> list[np.ndarray]:
    """Returns draws of two neighbouring keys, of keys from a split, and of keys with folded-in numbers."""
    first = jax.random.key(0)
    keys = [first, jax.random.key(1), *jax.random.split(first)]
    keys += [jax.random.fold_in(first, k) for k in (7, 8)]
    assert len({tuple(map(int, jax.random.key_data(key))) for key in keys}) == len(keys)
    return [np.asarray(jax.jit(position_bits, static_argnums=1)(key, SHAPE)) for key in keys]


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Returns the correlation coefficient of all entries."""
    return float(np.corrcoef(np.ravel(a).astype(float), np.ravel(b).astype(float))[0, 1])


def test_every_bit_is_set_half_of_the_time(bits: list[np.ndarray]) -> None:
    for draw in bits:
        shares = np.array([np.mean(draw >> k & 1) for k in range(32)])
        assert np.abs(shares - 0.5).max() < 5 * 0.5 / SIZE**0.5


def test_neighbours_in_every_axis_and_draws_of_other_keys_are_uncorrelated(bits: list[np.ndarray]) -> None:
    limit = 5 / (SIZE // 2) ** 0.5
    for draw in bits:
        for axis in range(3):
            for step in (1, 2, 8):
                moved = np.roll(draw, step, axis)
                assert abs(correlation(draw, moved)) < limit
    for i, a in enumerate(bits):
        for b in bits[:i]:
            assert abs(correlation(a, b)) < limit


def test_padding_does_not_change_the_bits_of_a_position() -> None:
    key = jax.random.key(0)
    padded = position_bits(key, (4, 8, 3))
    np.testing.assert_array_equal(position_bits(key, (2, 5, 3)), padded[:2, :5])


@pytest.mark.parametrize("rate", [0.1, 0.2, 0.5])
def test_the_share_of_zeros_is_the_rate_in_rows_and_columns_and_the_mean_stays(rate: float) -> None:
    y = Dropout(rate).apply({}, jnp.ones(SHAPE), train=True, rngs={"dropout": jax.random.key(7)})
    dropped = np.asarray(y == 0)
    np.testing.assert_allclose(y[~dropped], 1 / (1 - rate), rtol=1e-6)
    deviation = (rate * (1 - rate)) ** 0.5
    for axes in [(0, 1, 2), (0, 1), (0, 2), (1, 2), (2,)]:
        shares = dropped.mean(axes)
        draws = SIZE / shares.size
        assert np.abs(shares - rate).max() < 6 * deviation / draws**0.5
        if shares.size > 100:  # the spread is that of independent draws
            assert np.std(shares) == pytest.approx(deviation / draws**0.5, rel=0.2)


def test_the_gradient_has_the_mask_of_the_value() -> None:
    def run(x: jax.Array) -> jax.Array:
        return Dropout(0.3).apply({}, x, train=True, rngs={"dropout": jax.random.key(3)})

    x = jnp.ones((4, 50))
    np.testing.assert_array_equal(jax.grad(lambda x: run(x).sum())(x), run(x))


def test_nothing_is_dropped_outside_training_or_at_rate_zero() -> None:
    x = jnp.ones((2, 3))
    assert Dropout(0.5).apply({}, x, train=False) is x
    assert Dropout(0.0).apply({}, x, train=True) is x


def test_the_same_entries_are_dropped_where_arrays_may_have_64_bits() -> None:
    x = jnp.ones((3, 5), jnp.float32)

    def dropped() -> np.ndarray:
        key = jax.random.key(0)
        return np.asarray(Dropout(0.5).apply({}, x, train=True, rngs={"dropout": key}))

    expected = dropped()
    with precision(np.float64):
        np.testing.assert_array_equal(dropped(), expected)


def test_word_dropout_makes_a_share_of_whole_tokens_zero_and_leaves_the_others() -> None:
    x = 1 + jax.random.uniform(jax.random.key(1), (40, 50, 3))
    dropped = WordDropout(0.25).apply({}, x, train=True, rngs={"dropout": jax.random.key(0)})
    kept = np.asarray(dropped).any(-1)
    np.testing.assert_array_equal(dropped, np.where(kept[:, :, None], x, 0))
    assert abs(kept.mean() - 0.75) < 0.03
    assert WordDropout(0.25).apply({}, x, train=False) is x

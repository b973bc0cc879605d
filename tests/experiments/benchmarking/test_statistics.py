"""Tests of medians and ratios on numbers computed by hand."""

import pytest

from experiments.benchmarking.statistics import geometric_mean, pairwise_ratios, summary


def test_summary() -> None:
    assert summary([3.0, 1.0, 2.0, 10.0]) == {"median": 2.5, "min": 1.0, "max": 10.0}


def test_common_noise_cancels_in_ratios_of_pairs() -> None:
    assert pairwise_ratios([2.0, 20.0, 6.0], [1.0, 10.0, 2.0]) == {"median": 2.0, "min": 2.0, "max": 3.0}


def test_lists_of_different_lengths_raise() -> None:
    with pytest.raises(ValueError, match="shorter"):
        pairwise_ratios([1.0, 2.0], [1.0])


def test_a_ratio_and_its_inverse_cancel_in_the_geometric_mean() -> None:
    assert geometric_mean([4.0, 0.25]) == pytest.approx(1)
    assert geometric_mean([1.0, 2.0, 4.0]) == pytest.approx(2)

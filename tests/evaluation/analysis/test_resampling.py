"""Tests of intervals and p-values against loops, and against the enumeration of all exchanges."""

import itertools
import time

import numpy as np
import pytest

from cman_jax.evaluation.analysis.resampling import (
    F1,
    Counts,
    bootstrap,
    macro_f1,
    micro_f1,
    randomisation_test,
)
from cman_jax.evaluation.metrics import PRF, Table


def random_counts(seed: int, sentences: int = 50, types: int = 3, right: float = 0.6) -> Counts:
    """Returns random counts with three gold facts per sentence and type.

    Each gold fact is found with probability `right`, else missed; spurious facts are added.
    """
    rng = np.random.default_rng(seed)
    found = rng.binomial(3, right, (sentences, types))
    return np.stack([found, rng.poisson(1, (sentences, types)), 3 - found], -1)


def of(*rows: tuple[int, int, int]) -> Counts:
    """Returns the counts of sentences with one type."""
    return np.array(rows)[:, None]


def test_f1_of_counts_equals_f1_of_the_scores() -> None:
    counts = random_counts(0)
    counts[:, 1, [0, 2]] = 0  # a type that is not in the gold
    table = Table({str(k): PRF(*row) for k, row in enumerate(counts.sum(0).tolist())})
    assert float(micro_f1(counts.sum(0))) == pytest.approx(table.micro.f1)
    assert float(macro_f1(counts.sum(0))) == pytest.approx(table.macro.f1)
    nothing = np.zeros((2, 3), int)
    assert float(micro_f1(nothing)) == float(macro_f1(nothing)) == 0.0


def test_the_interval_of_equal_sentences_has_no_width() -> None:
    assert bootstrap(of(*[(2, 1, 1)] * 30)) == pytest.approx((200 / 3, 200 / 3))
    assert bootstrap(of((2, 1, 1))) == pytest.approx((200 / 3, 200 / 3))
    assert bootstrap(np.zeros((0, 3, 3), int)) == bootstrap(np.zeros((4, 3, 3), int)) == (0.0, 0.0)
    counts = random_counts(0)
    assert bootstrap(np.concatenate([counts, np.zeros_like(counts)])) == bootstrap(counts)


@pytest.mark.parametrize("average", ["micro", "macro"])
def test_the_interval_is_that_of_a_loop_over_resamples(average: str) -> None:
    counts, statistic = random_counts(1), F1[average]
    rng = np.random.default_rng(5)
    scores = [float(statistic(counts[rng.integers(0, 50, 50)].sum(0))) for _ in range(4000)]
    low, high = bootstrap(counts, statistic, resamples=4000)
    assert (low, high) == pytest.approx(np.percentile(scores, [2.5, 97.5]), abs=0.5)
    assert low < float(statistic(counts.sum(0))) < high
    narrow = bootstrap(counts, statistic, level=0.5)
    assert low < narrow.low < narrow.high < high


def test_more_sentences_make_the_interval_narrower_as_the_root_of_their_number() -> None:
    widths = [np.ptp(bootstrap(random_counts(2, n), resamples=4000)) for n in (100, 1600)]
    assert widths[0] / widths[1] == pytest.approx(4, rel=0.25)


def test_the_same_seed_gives_the_same_numbers_and_another_seed_others() -> None:
    a, b = random_counts(3), random_counts(4)
    assert bootstrap(a, seed=1) == bootstrap(a, seed=1) != bootstrap(a, seed=2)
    assert randomisation_test(a, b, seed=1) == randomisation_test(a, b, seed=1)


def test_a_thousand_resamples_of_conll04_take_well_under_a_second() -> None:
    counts = random_counts(0, 288, 5)
    start = time.process_time()
    bootstrap(counts, resamples=1000)
    assert time.process_time() - start < 0.5


def test_equal_systems_differ_with_probability_one() -> None:
    counts = random_counts(0)
    assert randomisation_test(counts, counts.copy()) == 1.0


def test_very_different_systems_have_the_smallest_p() -> None:
    good, bad = random_counts(0, right=0.95), random_counts(1, right=0.3)
    assert randomisation_test(good, bad, trials=999) == 1 / 1000


@pytest.mark.parametrize("average", ["micro", "macro"])
def test_the_order_of_the_systems_does_not_matter(average: str) -> None:
    a, b = random_counts(0, 20), random_counts(1, 20)
    assert randomisation_test(a, b, F1[average]) == randomisation_test(b, a, F1[average])


def test_p_is_the_share_of_all_exchanges_that_are_as_far_apart() -> None:
    a = of((2, 0, 0), (1, 0, 1), (2, 1, 0), (1, 1, 1), (2, 0, 0), (2, 2, 0))
    b = of((1, 0, 1), (1, 2, 1), (2, 1, 0), (0, 1, 2), (1, 0, 1), (2, 0, 0))
    observed = abs(micro_f1(a.sum(0)) - micro_f1(b.sum(0)))
    as_far = 0
    for swap in itertools.product((False, True), repeat=len(a)):
        chosen = np.array(swap)[:, None, None]
        first, second = np.where(chosen, b, a).sum(0), np.where(chosen, a, b).sum(0)
        as_far += abs(micro_f1(first) - micro_f1(second)) >= observed - 1e-9
    assert 0.05 < as_far / 64 < 0.95
    assert randomisation_test(a, b, trials=20_000) == pytest.approx(as_far / 64, abs=0.015)


def test_systems_of_the_same_quality_are_rarely_told_apart() -> None:
    ps = [
        randomisation_test(random_counts(s, 40), random_counts(s + 500, 40), trials=199) for s in range(100)
    ]
    assert 0 <= np.mean(np.array(ps) <= 0.05) <= 0.12
    assert 0.35 < np.mean(ps) < 0.65

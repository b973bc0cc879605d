"""Tests of the ratios between frameworks, of which some train several networks at once."""

from experiments.benchmarking.measures import _ratios


def test_times_are_compared_for_each_network_of_a_population() -> None:
    results = {
        "jax": {"population": 4, "seconds": [8.0, 4.0]},
        "jax_devices": {"population": 4, "seconds": [4.0, 2.0]},
        "jax_alone": {"population": 1, "seconds": [3.0, 3.0]},
    }
    assert {name: ratio["median"] for name, ratio in _ratios(results).items()} == {
        "jax_devices": 0.5,
        "jax_alone": 2.25,
    }
    assert _ratios({"torch": {"population": 1, "seconds": [1.0]}}) == {}

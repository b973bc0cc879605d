"""The measures of the benchmark; each returns rows of results that JSON can hold."""

import dataclasses
import itertools
import statistics
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments.benchmarking.harness import Bench, Process, all_at_once, in_turns, train_in_turns
from experiments.benchmarking.settings import Case, is_jax
from experiments.benchmarking.statistics import geometric_mean, pairwise_ratios, summary

CEILING_SIZES = {"cpu": 1024, "gpu": 8192, "tpu": 8192}
STEADY_RUNS = 3


def step_times(
    bench: Bench, what: str, batch_sizes: Sequence[int], lengths: Sequence[int]
) -> Iterator[dict[str, Any]]:
    """Measures training or inference steps for every batch size and length.

    The first row is the ceiling: the speed of one large matrix product.

    Args:
      bench: the benchmark.
      what: "train_step" or "inference".
      batch_sizes: sentences per step.
      lengths: tokens per sentence.

    Yields:
      One row for the ceiling, then one row per batch size and length.
    """
    with all_at_once(bench) as workers:
        ceiling = _ceiling(workers, bench.repetitions)
        yield {"ceiling": ceiling}
        for batch_size, length in itertools.product(batch_sizes, lengths):
            case = Case(what, batch_size, length)
            results = in_turns(workers, case, bench.repetitions)
            costs = workers["jax"].ask("costs") if "jax" in workers else {}
            for name, result in results.items():
                population = bench.settings.population if name in ("jax", "jax_devices") else 1
                seconds = statistics.median(result["seconds"])
                result |= {**summary(result["seconds"]), "population": population}
                result["sentences_per_second"] = batch_size * population / seconds
                if costs:  # every framework is compared with the products that JAX computes for one network
                    work = costs["flops"] / bench.settings.population * population
                    result["fraction_of_ceiling"] = work / seconds / ceiling[name]["flops_per_second"]
            yield {
                "batch_size": batch_size,
                "length": length,
                "frameworks": results,
                "ratios": _ratios(results),
                "costs": costs,
            }


def overall_ratios(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Returns each other framework's time relative to JAX, as the geometric mean of the rows' median ratios.

    Args:
      rows: the rows of `step_times` without the ceiling.
    """
    ratios = [row["ratios"] for row in rows]
    return {name: geometric_mean([row[name]["median"] for row in ratios]) for name in (ratios or [{}])[0]}


def compile_times(
    bench: Bench, batch_sizes: Sequence[int], lengths: Sequence[int]
) -> Iterator[dict[str, Any]]:
    """Measures how much longer the first training step takes than a later one.

    Every measurement starts a new process. "cold" starts with an empty folder of compiled programs, "warm"
    with the programs that "cold" stored there. Plain PyTorch compiles nothing, yet its first step is slow.

    Args:
      bench: the benchmark.
      batch_sizes: sentences per step.
      lengths: tokens per sentence.

    Yields:
      One row per batch size and length; times are in seconds.
    """

    def measure(name: str, case: Case) -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as cache:
            starts = ("cold",) if name == "torch" else ("cold", "warm")
            return {start: _first_step(bench, name, case, Path(cache)) for start in starts}

    yield from _rows(bench, batch_sizes, lengths, measure)


def memory_peaks(
    bench: Bench, batch_sizes: Sequence[int], lengths: Sequence[int]
) -> Iterator[dict[str, Any]]:
    """Measures the peak memory of steady training steps, each in a new process.

    Args:
      bench: the benchmark.
      batch_sizes: sentences per step.
      lengths: tokens per sentence.

    Yields:
      One row per batch size and length; memory is in bytes.
    """

    def measure(name: str, case: Case) -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as cache:
            inductor = None if is_jax(name) else Path(cache)
            with Process(name, bench.settings, inductor) as worker:
                return worker.ask("memory", case=dataclasses.asdict(case))

    yield from _rows(bench, batch_sizes, lengths, measure)


def operation_times(
    bench: Bench, batch_sizes: Sequence[int], lengths: Sequence[int]
) -> Iterator[dict[str, Any]]:
    """Measures how the time of a training step is divided among kinds of operations.

    Args:
      bench: the benchmark.
      batch_sizes: sentences per step.
      lengths: tokens per sentence.

    Yields:
      One row per batch size and length; times are in milliseconds, see `benchmarking.operations`.
    """
    with all_at_once(bench) as workers:

        def measure(name: str, case: Case) -> dict[str, Any]:
            return workers[name].ask("operations", case=dataclasses.asdict(case), steps=bench.repetitions)

        yield from _rows(bench, batch_sizes, lengths, measure)


def _rows(
    bench: Bench,
    batch_sizes: Sequence[int],
    lengths: Sequence[int],
    measure: Callable[[str, Case], dict[str, Any]],
) -> Iterator[dict[str, Any]]:
    """Yields a row for each batch size and length: what `measure` returns of each framework's step."""
    for batch_size, length in itertools.product(batch_sizes, lengths):
        case = Case("train_step", batch_size, length)
        frameworks = {name: measure(name, case) for name in bench.frameworks}
        yield {"batch_size": batch_size, "length": length, "frameworks": frameworks}


def whole_runs(bench: Bench, epochs: int) -> dict[str, Any]:
    """Measures a whole run of each framework: its start-up and its epochs, in seconds.

    Import times are reported separately, because PyTorch's worker imports JAX too.

    Args:
      bench: the benchmark.
      epochs: epochs of each run; the settings' config must have the same number.
    """
    with all_at_once(bench) as workers:
        results = train_in_turns(workers, epochs)
    ours = results.get("jax")
    others = {name: result for name, result in results.items() if ours and name != "jax"}
    ratios = {
        name: {
            "total": result["total_seconds"] / ours["total_seconds"],
            "epochs": pairwise_ratios(result["epoch_seconds"], ours["epoch_seconds"]),
        }
        for name, result in others.items()
    }
    return {"frameworks": results, "ratios": ratios}


def _ceiling(workers: Mapping[str, Process], repetitions: int) -> dict[str, dict[str, Any]]:
    """Measures each framework's speed at the product of two large square matrices."""
    platform = next(iter(workers.values())).description["platform"]
    size = CEILING_SIZES[platform]
    results = in_turns(workers, Case("matmul", 0, size), repetitions)
    for result in results.values():
        result |= {"size": size, **summary(result["seconds"])}
        result["flops_per_second"] = 2 * size**3 / result["median"]
    return results


def _ratios(results: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Returns the time per sentence of each other framework divided by JAX's time per sentence."""
    if "jax" not in results:
        return {}
    each = {
        name: [seconds / result["population"] for seconds in result["seconds"]]
        for name, result in results.items()
    }
    return {name: pairwise_ratios(each[name], each["jax"]) for name in results if name != "jax"}


def _first_step(bench: Bench, framework: str, case: Case, cache: Path) -> dict[str, float]:
    """Measures the first step of a new process, a later step, and their difference."""
    with Process(framework, bench.settings, cache) as worker:
        first = worker.ask("prepare", case=dataclasses.asdict(case))["first_seconds"]
        steady = statistics.median(worker.ask("run")["seconds"] for _ in range(STEADY_RUNS))
    return {"first_seconds": first, "steady_seconds": steady, "compile_seconds": first - steady}

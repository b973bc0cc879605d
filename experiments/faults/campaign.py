"""The attempts of a row: each in a folder of its own, several at a time, resumable, and their summary.

Attempt number k of a row has the same random numbers in every campaign, so that it can be repeated alone.
"""

import contextlib
import json
import multiprocessing
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, NamedTuple

from cman_jax.files import json_text, write_atomically
from cman_jax.locking import locked
from experiments.faults.row import Broken, Row

_prepared: dict[Path, Any] = {}  # what this process has prepared or read, by its folder


class Result(NamedTuple):
    """What became of an attempt.

    Attributes:
      number: the attempt's number, from 0 on.
      outcome: what was seen, in a few words; for a broken promise the error.
      kept: whether the promise was kept.
      seconds: how long it took.
    """

    number: int
    outcome: str
    kept: bool
    seconds: float


def run_row(
    row: Row, workdir: Path, tries: int, processes: int, done: Callable[[Result], None]
) -> list[Result]:
    """Runs the attempts of a row that have not been run in this folder before.

    Args:
      row: the row.
      workdir: the folder of the campaign; a folder in it is the row's.
      tries: number of attempts.
      processes: number of attempts at the same time.
      done: is called with every result, also with those of before.

    Returns:
      The results of all attempts, in their order.
    """
    folder = workdir / row.name
    kept = folder / "attempts.jsonl"
    results = {result.number: result for result in _read(kept)}
    for result in results.values():
        if result.number < tries:
            done(result)
    write_atomically(kept, "".join(map(_line, results.values())).encode())  # without an incomplete line
    with kept.open("a", encoding="utf-8") as file:
        missing = [number for number in range(tries) if number not in results]
        for result in _run(row, workdir, missing, processes):
            file.write(_line(result))
            file.flush()
            results[result.number] = result
            done(result)
    return [results[number] for number in range(tries)]


def run_attempt(row: Row, workdir: Path, number: int) -> Result:
    """Runs one attempt in this process; the folder of a broken promise is kept."""
    folder = workdir / row.name / f"attempt_{number}"
    shutil.rmtree(folder, ignore_errors=True)
    prepared = _prepare(row, workdir)
    folder.mkdir(parents=True)
    start = time.perf_counter()
    try:
        with time_limit(row.seconds):
            outcome, kept = row.attempt(prepared, folder, random.Random(f"{row.name} {number}")), True
    except Broken as error:
        outcome, kept = str(error), False
    except Exception as error:
        outcome, kept = f"{type(error).__name__}: {error}", False
    if kept:
        shutil.rmtree(folder, ignore_errors=True)
    return Result(number, outcome, kept, round(time.perf_counter() - start, 2))


def summary(row: Row, results: Sequence[Result]) -> dict[str, Any]:
    """Returns the figures of a row, for JSON."""
    outcomes = Counter(result.outcome for result in results if result.kept)
    broken = [{"attempt": r.number, "seen": r.outcome} for r in results if not r.kept]
    return {
        "fault": row.fault,
        "promise": row.promise,
        "tried": row.each * len(results),
        "kept": row.each * sum(outcomes.values()),
        "outcomes": {outcome: row.each * number for outcome, number in outcomes.most_common()},
        "broken": broken,
        "seconds": {
            "all": round(sum(result.seconds for result in results)),
            "longest": max((result.seconds for result in results), default=0.0),
        },
    }


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raises a Broken inside the `with` block after this number of seconds; for the main thread only."""

    def stop(signum: int, frame: object) -> None:
        raise Broken(f"not finished after {seconds:g} s")

    previous = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def _prepare(row: Row, workdir: Path) -> Any:
    """Returns what the row's attempts need, which is made once for all processes and rows."""
    folder = workdir / "prepared" / f"{row.prepare.__module__}.{row.prepare.__name__}"
    if folder not in _prepared:
        with locked(folder.with_name(f".{folder.name}.lock")):
            folder.mkdir(exist_ok=True)
            _prepared[folder] = row.prepare(folder)
    return _prepared[folder]


def _run(row: Row, workdir: Path, numbers: Sequence[int], processes: int) -> Iterator[Result]:
    """Yields the results of attempts; those of a process that died are run once more, one at a time."""
    if processes == 1:
        yield from (run_attempt(row, workdir, number) for number in numbers)
        return
    left = set(numbers)
    for result in _in_processes(row, workdir, numbers, processes):
        left.discard(result.number)
        yield result
    for number in sorted(left):
        alone = list(_in_processes(row, workdir, [number], 1))
        yield alone[0] if alone else Result(number, "the process of the attempt died", False, 0.0)


def _in_processes(row: Row, workdir: Path, numbers: Sequence[int], processes: int) -> Iterator[Result]:
    """Yields the results of attempts in new processes, until one of the processes dies."""
    spawn = multiprocessing.get_context("spawn")  # a fork would inherit JAX's threads
    with ProcessPoolExecutor(processes, spawn) as pool:
        futures = [pool.submit(run_attempt, row, workdir, number) for number in numbers]
        for future in as_completed(futures):
            with contextlib.suppress(BrokenProcessPool):
                yield future.result()


def _line(result: Result) -> str:
    """Returns a result as a line of JSON."""
    return json_text(result._asdict(), ensure_ascii=False) + "\n"


def _read(path: Path) -> Iterator[Result]:
    """Yields the results of an earlier start, without a last line that is incomplete."""
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
            if line.endswith("\n"):
                yield Result(**json.loads(line))

"""A short form of rows that run in this process: each provokes a few faults, and an unkept promise shows."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import jax
import pytest

from cman_jax.errors import InputError
from cman_jax.run.manifest import write_files
from cman_jax.run.record import best_epoch, read_metrics
from cman_jax.run.system import System
from experiments.faults import numbers, resumes, run_files, stops
from experiments.faults.finished import Finished, compare, copy_of, finish
from experiments.faults.row import Broken
from experiments.faults.workplace import Workplace


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finished]:
    """Returns a finished run; afterwards JAX has its settings of before."""
    cache, shapes = jax.config.jax_compilation_cache_dir, System.param_shapes
    yield finish(tmp_path_factory.mktemp("finished"))
    jax.config.update("jax_compilation_cache_dir", cache)
    jax.config.update("jax_disable_most_optimizations", False)
    System.param_shapes = shapes


def outcomes(attempt: Callable[..., str], whole: Finished, folder: Path, number: int) -> set[str]:
    """Returns the outcomes of so many attempts, none of which breaks its promise."""
    found = set()
    for k in range(number):
        place = folder / f"{attempt.__name__}_{k}"
        place.mkdir()
        found.add(attempt(whole, place, random.Random(f"short {k}")))
    return found


def test_no_damage_of_a_checkpoint_changes_a_result_silently(whole: Finished, tmp_path: Path) -> None:
    found = set()
    for attempt in (run_files.flip, run_files.truncate, run_files.delete, run_files.half_delete):
        found |= outcomes(attempt, whole, tmp_path, 5)
    assert len(found) >= 2


@pytest.mark.parametrize("item", ["params", "optimizer"])
def test_a_damaged_epoch_is_refused_where_it_is_needed(whole: Finished, tmp_path: Path, item: str) -> None:
    best, latest = best_epoch(read_metrics(whole.folder)), max(whole.params)
    for epoch in whole.params:
        (tmp_path / f"{epoch}").mkdir()
        run = copy_of(whole.folder, tmp_path / f"{epoch}")
        (run / "checkpoints" / f"{epoch}" / item / "manifest.ocdbt").unlink()
        extraction = "refused" if epoch == best else "as before"
        training = "takes an older epoch" if epoch in (best, latest) else "as before"
        assert compare(whole, run) == f"extraction {extraction}, training {training}"


def test_no_damage_of_a_file_of_a_run_changes_a_result_silently(whole: Finished, tmp_path: Path) -> None:
    found = outcomes(run_files.mutate, whole, tmp_path, 15)
    assert "extraction refused, training refused" in found
    assert "extraction as before, training as before" in found


def test_a_changed_result_would_be_noticed(whole: Finished, tmp_path: Path) -> None:
    run = copy_of(whole.folder, tmp_path)
    vectors = bytearray((run / "word_vectors.npy").read_bytes())
    vectors[-1] ^= 1
    write_files(run, {"word_vectors.npy": bytes(vectors)})
    with pytest.raises(Broken, match="another prediction without a word"):
        compare(whole, run)


def test_changes_when_resuming_are_refused_by_name(whole: Finished, tmp_path: Path) -> None:
    assert len(outcomes(resumes.attempt, whole, tmp_path, 6)) >= 3


def test_bad_features_are_refused_and_leave_nothing_bad_behind(whole: Finished, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="found"):
        numbers._PLACES["features"](tmp_path / "run", random.Random(1))
    numbers._check(tmp_path / "run")
    (tmp_path / "run" / "metrics.jsonl").write_text('{"epoch": 1}\n{"ner_loss": NaN}\n')
    with pytest.raises(Broken, match=r"NaN in metrics\.jsonl"):
        numbers._check(tmp_path / "run")


def test_a_killed_training_is_waited_for_until_it_is_killed(tmp_path: Path) -> None:
    """A training that has an error of its own is not a kill."""
    place = Workplace(tmp_path)
    undisturbed = stops.Undisturbed(place, None, (600.0, 600.0))
    command = place.training(tmp_path / "run", "--no_such_flag")
    with pytest.raises(Broken, match="SIGKILL: exit status 1: error: Unknown command line flag"):
        stops._end_once(undisturbed, command, tmp_path / "run", random.Random(0), stops.signal.SIGKILL)

"""Trains and scores the missing runs; finished runs stay unchanged."""

import math
from collections.abc import Sequence
from pathlib import Path

from cman_jax.app.scoring import evaluate
from cman_jax.config import differences
from cman_jax.data.corpus import load_split
from cman_jax.data.stored import summaries_of
from cman_jax.encoders.encoder import Encoder
from cman_jax.encoders.of_run import load_lower
from cman_jax.errors import InputError
from cman_jax.run.entries import foreign
from cman_jax.run.manifest import read_updated_json
from cman_jax.run.provenance import Splits, check_split, recorded_digest
from cman_jax.run.record import chosen_epoch, read_metrics
from cman_jax.run.system import load_config
from cman_jax.training.loop import train_population
from cman_jax.training.member import Job
from cman_jax.training.open_run import open_run
from cman_jax.training.progress import ConsoleProgress
from experiments.reproduction import gold_labels
from experiments.reproduction.gold_labels import GOLD_LABELS
from experiments.reproduction.runs import Run


def train_missing(
    runs: Sequence[Run],
    vectors: Path | None,
    features: Encoder | None,
    encoder: str | None = None,
    population: int = 1,
    num_devices: int = 1,
) -> None:
    """Trains runs one after the other, or several of a row together; an interrupted run resumes.

    Args:
      features: the features of every sentence, for the runs that read features.
      encoder: the name or folder of the encoder, for the runs that train its layers.
      population: number of seeds or folds of a row that are trained as one program.
      num_devices: number of devices that share a population, as many as divide it.

    Raises:
      InputError: before anything is trained: a split is missing, or a run had other settings or, if it is
        finished, other data.
    """
    layers = _layers_to_train(runs, encoder)
    folders = dict.fromkeys(run.data for run in runs)
    corpora = {data: {split: load_split(data, split) for split in _SPLITS} for data in folders}
    finished = [run for run in runs if is_finished(run)]
    for run in finished:
        _refuse_other_data(run, corpora[run.data], vectors, _to_train(run, features, layers))
    missing = [run for run in runs if run not in finished]
    print(f"{len(finished)} of {len(runs)} runs are finished")
    for together in groups(missing, population):
        print("\n" + "\n".join(f"{run.workdir}" for run in together), flush=True)
        train_population(
            [Job(run.config, corpora[run.data], run.workdir) for run in together],
            vectors=vectors,
            encoder=_to_train(together[0], features, layers),
            num_devices=math.gcd(len(together), num_devices if len(together) > 1 else 1),
            progress=ConsoleProgress(),
        )
        for run in together:
            scored = {split: corpora[run.data][split] for split in ("dev", "test")}
            evaluate(run.workdir, scored, _to_predict(run, features))


def _refuse_other_data(run: Run, splits: Splits, vectors: Path | None, encoder: Encoder | None) -> None:
    """Raises an InputError if a finished run was trained or scored on other data."""
    open_run(run.config, summaries_of(splits), run.workdir, vectors, encoder)
    path = run.workdir / "scores.json"
    scores = read_updated_json(path)
    for split in ("dev", "test"):
        check_split(run.workdir, split, splits[split])
        count = scores[split].get("sentences")
        if count != len(splits[split]):
            found = f"an entry {split} of {count} sentences"
            raise InputError(path, None, found, f"the {len(splits[split])} of {run.data}, scored again")


def groups(runs: Sequence[Run], size: int) -> list[list[Run]]:
    """Runs of one row, at most `size` together, in the order in which the first of each stands."""
    found: list[list[Run]] = []
    for run in runs:
        mates = next((g for g in found if g[0].row == run.row and len(g) < size), None)
        if mates is None:
            found.append([run])
        else:
            mates.append(run)
    return found


_SPLITS = ("train", "dev", "test")


def _layers_to_train(runs: Sequence[Run], encoder: str | None) -> Encoder | None:
    """Returns the encoder for the runs that train its layers, all with equal settings; None: no run does.

    Raises:
      InputError: the encoder is not given or cannot be loaded.
    """
    first = next((run for run in runs if run.row.input == "layers"), None)
    if first is None:
        return None
    if encoder is None:
        raise InputError("flags", None, f"{first.row.name} without --encoder", "the encoder to be trained")
    return load_lower(encoder, first.config.encoder)


def _to_train(run: Run, features: Encoder | None, layers: Encoder | None) -> Encoder | None:
    """Returns what a run reads besides words and characters in training."""
    return layers if run.row.input == "layers" else _to_predict(run, features)


def _to_predict(run: Run, features: Encoder | None) -> Encoder | None:
    """Returns what a trained run reads; it keeps the layers of an encoder itself."""
    return features if run.row.features else None


def score_gold_labels(run: Run, features: Encoder | None) -> None:
    """Scores a finished run on test with gold labels too, unless it has these scores."""
    if not has_scores(run, GOLD_LABELS):
        gold_labels.score_gold_labels(run, load_split(run.data, "test"), _to_predict(run, features))


def is_finished(run: Run) -> bool:
    """Returns whether all epochs are done and the chosen epoch is scored on dev and test.

    Raises:
      InputError: the folder holds a run with other settings.
    """
    if not (run.workdir / "config.json").is_file():
        return False
    for name, there, here in differences(load_config(run.workdir), run.config):
        expected = f"{here!r} as in {run.row.config}.py within this budget (or another --workdir)"
        raise InputError(run.workdir, None, f"a run with {name} = {there!r}", expected)
    rows = read_metrics(run.workdir)
    return len(rows) == run.config.training.num_epochs and has_scores(run, "dev", "test")


def has_scores(run: Run, *entries: str) -> bool:
    """Returns whether scores.json has these entries for the epoch that a finished run chooses.

    Raises:
      InputError: an entry says that it is of other data or decoding than the run's.
    """
    path = run.workdir / "scores.json"
    scores = read_updated_json(path)
    for entry in filter(scores.get, entries):
        split = "test" if entry == GOLD_LABELS else entry
        if wrong := foreign(scores[entry], run.config.decoding, recorded_digest(run.workdir, split)):
            expected = "the run's own data and decoding; score it again by experiments.evaluate"
            raise InputError(path, None, f"an entry {entry} with {wrong}", expected)
    every_epoch = range(1, run.config.training.num_epochs + 1)
    chosen = chosen_epoch(run.workdir, run.config, every_epoch)
    return all(scores.get(entry, {}).get("epoch") == chosen for entry in entries)

"""A small finished run with all kinds of files, and all that depends on them."""

import dataclasses
import functools
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from cman_jax.compilation import start
from cman_jax.config import Config
from cman_jax.configs import generated
from cman_jax.data.stored import summaries_of
from cman_jax.errors import InputError
from cman_jax.files import write_atomically
from cman_jax.inference.extractor import Extractor
from cman_jax.run.calibration import Calibration, Platt, write_entry
from cman_jax.run.checkpoint import Checkpoints, saved_epochs
from cman_jax.run.manifest import read_updated_json, update_json
from cman_jax.run.provenance import Splits, split_digest
from cman_jax.run.record import best_epoch, read_metrics
from cman_jax.run.recovery import recover
from cman_jax.run.system import System
from cman_jax.training.loop import train
from cman_jax.training.open_run import open_run
from cman_jax.training.optimizer import make_optimizer
from cman_jax.training.step import TrainState
from data_prep.generated.corpus import generate_splits
from experiments.faults.row import demand, refused

EPOCHS = 6
_WIDTH = 8  # of vectors and layers


class Finished(NamedTuple):
    """A finished run.

    Attributes:
      folder: the folder of the run.
      vectors: the file of its word vectors.
      prediction: everything that an extraction from the run depends on.
      resumption: the epoch that training resumes from, and everything that it depends on.
      params: the bits of the parameters of each kept epoch.
    """

    folder: Path
    vectors: Path
    prediction: Any
    resumption: Any
    params: dict[int, list[bytes]]


def config_of(num_epochs: int = EPOCHS) -> Config:
    """Returns a config that compiles and learns fast, so that dev scores rise and fall."""
    config = generated.get_config()
    model = config.model
    model.char_dim = model.char_lstm_dim = model.word_dim = model.lstm_dim = model.scorer_dim = _WIDTH
    model.num_bsa, model.sequence_layer = 1, "mlp"
    config.data.bucket_lengths = (34,)
    config.training = dataclasses.replace(
        config.training, batch_size=8, num_epochs=num_epochs, learning_rate=0.02, alpha=0.0
    )
    return config


@functools.cache
def splits_of() -> Splits:
    """Returns a small generated corpus."""
    return generate_splits({"train": 40, "dev": 8, "test": 8})


def write_vectors(path: Path, words: Iterable[str], seed: int = 0) -> None:
    """Writes word vectors as text, and a folder for them."""
    rng = np.random.default_rng(seed)
    rows = (f"{word} {' '.join(f'{x:.4f}' for x in rng.normal(size=_WIDTH))}" for word in words)
    write_atomically(path, "\n".join(rows).encode())


def train_words() -> list[str]:
    """Returns the words of the training sentences, sorted."""
    return sorted({token for sentence in splits_of()["train"] for token in sentence.tokens})


def finish(folder: Path) -> Finished:
    """Trains the run unless the folder has it, and returns it."""
    quick_start(folder)
    run, vectors = folder / "run", folder / "vectors.txt"
    if not (folder / "run_is_whole").exists():
        _train(run, vectors)
        (folder / "run_is_whole").touch()
    kept = {epoch: params_of(run, epoch) for epoch in saved_epochs(run / "checkpoints")}
    return Finished(run, vectors, prediction(run), resumption(run, vectors)[:2], kept)


def _train(run: Path, vectors: Path) -> None:
    """Trains the run, and writes all kinds of files that a run may have."""
    write_vectors(vectors, train_words()[::2])
    train(config_of(), splits_of(), run, vectors=vectors)
    fitted = Calibration(ner=Platt(0.5, 0.1))
    parts = {task: part._asdict() for task, part in fitted._asdict().items()}
    best, digest = best_epoch(read_metrics(run)), split_digest(splits_of()["dev"])
    write_entry(run, "probabilities", best, digest, parts)
    update_json(run / "scores.json", {"dev": {"epoch": 1}})


def quick_start(folder: Path) -> None:
    """Prepares JAX for small programs: they are compiled once, without most optimisations."""
    start(folder / "compiled")
    jax.config.update("jax_disable_most_optimizations", True)
    System.param_shapes = _param_shapes


def copy_of(run: Path, folder: Path) -> Path:
    """Returns a copy of a run, whose files are links to the same content; locks are left out."""
    no_locks = shutil.ignore_patterns(".*")
    return Path(shutil.copytree(run, folder / "run", copy_function=os.link, ignore=no_locks))


def prediction(run: Path) -> Any:
    """Returns everything that an extraction from a run depends on, and the run's scores."""
    found = Extractor.load(run)
    arrays = jax.tree.leaves((found.params, found.system.constants))
    settings = (found.epoch, found.system.config, found.system.vocabs, found.constraints, found.calibration)
    # Missing scores are computed again.
    scores = read_updated_json(run / "scores.json") or {"dev": {"epoch": 1}}
    return settings, scores, [np.asarray(array).tobytes() for array in arrays]


def resumption(run: Path, vectors: Path | None, splits: Splits | None = None) -> tuple[int, Any, str]:
    """Returns the epoch that training resumes from, the state and rows there, and what training prints."""
    config = config_of()
    system = open_run(config, summaries_of(splits or splits_of()), run, vectors)
    note, directory = recover(run, config) or "", run / "checkpoints"
    epoch = max(saved_epochs(directory), default=0)
    rows = [row for row in read_metrics(run) if row["epoch"] <= epoch]
    if not epoch:
        return 0, rows, note
    shapes = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), system.param_shapes())
    with Checkpoints(directory, read_only=True) as checkpoints:
        state = checkpoints.restore(epoch, TrainState.start(shapes, make_optimizer(config.training)))
    arrays = [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves((state, system.constants))]
    return epoch, (arrays, rows, (run / "constraints.json").read_bytes()), note


def params_of(run: Path, epoch: int) -> list[bytes]:
    """Returns the bits of the parameters of an epoch."""
    with Checkpoints(run / "checkpoints", read_only=True) as checkpoints:
        params = checkpoints.restore_params(epoch, System.load(run).param_shapes())
    return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(params)]


def compare(whole: Finished, run: Path) -> str:
    """Compares what a damaged run is used for with the whole run, and returns the outcome.

    Raises:
      Broken: a result differs, and no line says so.
    """
    found, one = _attempt(lambda: prediction(run))
    demand(found in (whole.prediction, None), "another prediction without a word")
    found, other = _attempt(lambda: resumption(run, whole.vectors))
    if found is None:
        return f"extraction {one}, training refused"
    epoch, state, note = found
    latest, state_there = whole.resumption
    if epoch == latest:
        demand(state == state_there, "training resumes from another state without a word")
        return f"extraction {one}, training {other}"
    start = f"training resumes {f'after epoch {epoch}' if epoch else 'from the start'}"
    demand(epoch < latest and start in note, f"training resumes after epoch {epoch} without a word")
    return f"extraction {one}, training takes an older epoch"


def train_again(whole: Finished, run: Path) -> None:
    """Trains a damaged run to its end, and compares the parameters of all epochs that are kept.

    A damaged epoch is gone at the end if it is neither the best nor the latest.

    Raises:
      Broken: the parameters are not those of the whole run.
    """
    try:
        train(config_of(), splits_of(), run, vectors=whole.vectors)
    except InputError as error:
        refused(error)
        return
    kept = {epoch: params_of(run, epoch) for epoch in saved_epochs(run / "checkpoints")}
    needed = {best_epoch(read_metrics(run)), max(whole.params)}
    demand(needed <= kept.keys() <= whole.params.keys(), f"the epochs {sorted(kept)} at the end")
    demand(all(whole.params[epoch] == kept[epoch] for epoch in kept), "other parameters at the end")


def _attempt(read: Callable[[], Any]) -> tuple[Any, str]:
    """Returns what is read and the outcome; None: it is refused by one line."""
    try:
        return read(), "as before"
    except InputError as error:
        return None, refused(error)


_shapes: dict[str, Any] = {}
_trace = System.param_shapes


def _param_shapes(system: System) -> Any:
    """Returns the shapes of a system's parameters, which tracing the network once for each system finds."""
    key = repr((system.config.model, system.model.sizes, system.encoder))
    if key not in _shapes:
        _shapes[key] = _trace(system)
    return _shapes[key]

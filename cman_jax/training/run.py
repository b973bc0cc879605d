"""The files of a run besides its system's: what it was started on, its metrics, its chosen epoch.

config.json  vocabs.json  word_vectors.npy  encoder.json  the system, see cman_jax/system.py
data.json                                                 digests of the data it trains on
checkpoints/  metrics.jsonl                               latest two epochs and the best; a row per epoch
scores.json  predictions.jsonl                            from experiments.train and experiments.evaluate
"""

import functools
import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from cman_jax.config import Config, differences, to_dict
from cman_jax.data.corpus import to_json, write_atomically
from cman_jax.data.errors import InputError
from cman_jax.data.json_text import json_text
from cman_jax.data.vocab import build_vocabs, word_candidates
from cman_jax.data.word_vectors import WordVectors, read_word_vectors
from cman_jax.system import System, load_config, read_json, write_json
from cman_jax.types import EncoderSpec, Sentence

Splits = Mapping[str, Sequence[Sentence]]
"""Sentences under "train" and "dev", and further splits whose words and types should be known."""


def open_run(
    config: Config,
    splits: Splits,
    workdir: Path,
    vectors: Path | None = None,
    encoder: EncoderSpec | None = None,
) -> System:
    """The system of the run in `workdir`, after making sure that it is this run; else a new one, saved there.

    Raises:
      InputError: bad vectors, or the workdir's run had other settings or data.
    """
    fingerprint = _fingerprint(splits, vectors, encoder)
    if (workdir / "config.json").is_file():
        _refuse_other_settings(config, load_config(workdir), workdir)
        _refuse_other_data(fingerprint, workdir / "data.json")
        write_json(workdir / "config.json", to_dict(config))
        return System.load(workdir)
    table = _read_vectors(vectors, fingerprint["vectors"], splits, config)
    vocabs = build_vocabs(
        splits["train"],
        [sentences for name, sentences in splits.items() if name != "train"],
        vector_words=None if table is None else table.words,
        min_word_count=config.data.min_word_count,
        null_relation=config.model.null_relation,
    )
    system = System.build(config, vocabs, None if table is None else table.matrix, encoder)
    write_json(workdir / "data.json", fingerprint)
    system.save(workdir)  # config.json last: with it, the run exists
    return system


def read_metrics(workdir: Path) -> list[dict[str, Any]]:
    """The rows of metrics.jsonl, one per finished epoch; none where there is no file yet."""
    path = workdir / "metrics.jsonl"
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    try:
        return [json.loads(line) for line in lines]
    except ValueError as error:
        raise InputError(path, None, f"{error}", "one JSON object a line") from None


def write_metrics(workdir: Path, rows: list[dict[str, Any]]) -> None:
    """Replaces metrics.jsonl as a whole, so that a kill leaves no half line."""
    text = "".join(json_text(row) + "\n" for row in rows)
    write_atomically(workdir / "metrics.jsonl", text.encode())


def chosen_epoch(workdir: Path, config: Config, saved: Collection[int]) -> int:
    """The epoch whose parameters stand for the run: the best on dev, or the last under train+dev.

    Args:
      saved: epochs that have a checkpoint; the newest row may lack one, in a run that goes on or was killed.

    Raises:
      InputError: no epoch has finished yet.
    """
    rows = [row for row in read_metrics(workdir) if row["epoch"] in saved]
    if not rows:
        raise InputError(workdir, None, "no finished epoch", "a run that has trained for one at least")
    if config.training.protocol == "train+dev":
        return rows[-1]["epoch"]
    return max(rows, key=lambda row: row["selection"])["epoch"]  # the earliest of equals


def _read_vectors(path: Path | None, digest: str, splits: Splits, config: Config) -> WordVectors | None:
    """Frozen vectors of all words that any split looks up, and of the most frequent words besides."""
    if path is None:
        return None
    tokens = {token for sentences in splits.values() for sentence in sentences for token in sentence.tokens}
    wanted = frozenset(form for token in tokens for form in word_candidates(token))
    return _read_once(path, digest, wanted, config.data.extra_words)


@functools.lru_cache(maxsize=1)
def _read_once(path: Path, digest: str, wanted: frozenset[str], num_frequent: int) -> WordVectors:
    """The runs of a population read the same. Args: digest: tells files apart that had one name in turn."""
    del digest
    return read_word_vectors(path, wanted, num_frequent)


def _refuse_other_settings(config: Config, before: Config, workdir: Path) -> None:
    """Only the number of epochs may differ from the run that is being continued, if no rate falls with it."""
    constant_rate = config.training.final_rate == 1
    for name, there, here in differences(before, config):
        if name != "training.num_epochs" or not constant_rate:
            raise InputError(
                workdir,
                None,
                f"a run with {name} = {there!r}",
                f"{here!r} as asked for (or another --workdir)",
            )


def _refuse_other_data(fingerprint: dict[str, str], path: Path) -> None:
    before = read_json(path)
    for name, digest in fingerprint.items():
        if before.get(name, "none") != digest:
            raise InputError(path, None, f"a run on other {name}", f"{name} as then, or another workdir")


def _fingerprint(splits: Splits, vectors: Path | None, encoder: EncoderSpec | None) -> dict[str, str]:
    """What training reads, by content, so that files may move between machines."""
    digests = {}
    for name in ("train", "dev"):
        text = "\n".join(json_text(to_json(sentence)) for sentence in splits[name])
        digests[name] = hashlib.sha256(text.encode()).hexdigest()
    digests["vectors"] = "none" if vectors is None else _file_digest(vectors)
    digests["features"] = "none" if encoder is None else json_text(encoder)
    return digests


def _file_digest(path: Path) -> str:
    if not path.is_file():
        raise InputError(path, None, "no such file", "word vectors")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

"""The files of a run besides its system's: what it was started on, its metrics, its chosen epoch.

config.json  vocabs.json  word_vectors.npy  encoder.json  the system, see cman_jax/run/system.py
data.json                                                 what it was made of, see provenance.py
checkpoints/  metrics.jsonl                               latest two epochs and the best; a row per epoch
scores.json  predictions.jsonl                            from experiments.train and experiments.evaluate
"""

import functools
from pathlib import Path

from cman_jax.config import Config, differences, to_dict
from cman_jax.data.contents import contents_of
from cman_jax.data.vocab import Vocabs, build_vocabs, refuse_no_coverage, word_candidates
from cman_jax.data.word_vectors import WordVectors, read_word_vectors
from cman_jax.errors import InputError
from cman_jax.files import write_json
from cman_jax.run.provenance import Splits, check_provenance, fingerprint, write_provenance
from cman_jax.run.record import read_metrics
from cman_jax.run.system import System, load_config
from cman_jax.types import EncoderSpec


def open_run(
    config: Config,
    splits: Splits,
    workdir: Path,
    vectors: Path | None = None,
    encoder: EncoderSpec | None = None,
) -> System:
    """The system of the run in `workdir`, after making sure that it is this run; else a new one, saved there.

    Raises:
      InputError: bad vectors, no relation to score, or the workdir's run had other settings or data.
    """
    digests = fingerprint(splits, vectors, encoder)
    if (workdir / "config.json").is_file():
        _refuse_other_settings(config, load_config(workdir), workdir)
        system = System.load(workdir)
        contents = contents_of(splits, config.training.trained_splits, system.vocabs)
        check_provenance(workdir, digests, contents)
        write_json(workdir / "config.json", to_dict(config))
        return system._replace(config=config)
    _refuse_remains(workdir)
    table = _read_vectors(vectors, digests["vectors"], splits, config)
    vocabs = _vocabs_of(splits, config, table)
    contents = contents_of(splits, config.training.trained_splits, vocabs)
    if vectors is not None and contents.words is not None:
        refuse_no_coverage(contents.words, vectors)
    system = System.build(config, vocabs, None if table is None else table.matrix, encoder)
    for half_made in workdir.glob(".*.tmp"):  # by a start that was killed
        half_made.unlink()
    write_provenance(workdir, digests, contents)
    system.save(workdir)  # config.json last: with it, the run exists
    return system


def _refuse_remains(workdir: Path) -> None:
    """Raises an InputError if there are results without the config that says whose they are.

    What a start writes before it writes config.json is no run, and is written anew.
    """
    for name in ("checkpoints", "metrics.jsonl", "scores.json"):
        if (workdir / name).exists():
            expected = "the config.json of its run, or another workdir"
            raise InputError(workdir, None, f"{name} without a config.json", expected)


def _vocabs_of(splits: Splits, config: Config, table: WordVectors | None) -> Vocabs:
    """Raises: InputError: the network would have no relation to score."""
    vocabs = build_vocabs(
        splits["train"],
        [sentences for name, sentences in splits.items() if name != "train"],
        vector_words=None if table is None else table.words,
        min_word_count=config.data.min_word_count,
        null_relation=config.model.null_relation,
    )
    if not vocabs.sizes.num_relations:
        found = "no relation in any split, with config.model.null_relation = False"
        raise InputError(
            "the data", None, found, "relations, or config.model.null_relation = True to learn entities"
        )
    return vocabs


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
    """Raises an InputError unless the config can continue the run that is there.

    Only the number of epochs may differ, if no rate falls with it, but not below what the run has finished.
    """
    constant_rate = config.training.final_rate == 1
    for name, there, here in differences(before, config):
        if name != "training.num_epochs" or not constant_rate:
            raise InputError(
                workdir,
                None,
                f"a run with {name} = {there!r}",
                f"{here!r} as asked for (or another workdir)",
            )
    done = max((row["epoch"] for row in read_metrics(workdir)), default=0)
    if config.training.num_epochs < done:
        expected = (
            f"{config.training.num_epochs} at most, as config.training.num_epochs says (or another workdir)"
        )
        raise InputError(workdir, None, f"a run with {done} finished epochs", expected)

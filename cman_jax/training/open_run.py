"""The start of a run in its working directory, new or resumed.

A run has these files:

    config.json  vocabs.json  word_vectors.npy  encoder.json  the system, see cman_jax/run/system.py
    data.json                                                 its origin, see cman_jax/run/provenance.py
    constraints.json                                          see cman_jax/run/constraints.py
    checkpoints/  metrics.jsonl                               latest two epochs and the best; a row per epoch
    manifest.json                                             digests, see cman_jax/run/manifest.py
    scores.json  predictions.jsonl                            results of training and of evaluation
"""

import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path

from cman_jax.config import Config, differences
from cman_jax.data.contents import Contents, contents_of
from cman_jax.data.summary import Summaries
from cman_jax.data.vocab import Vocabs, build_vocabs, refuse_no_coverage, word_candidates
from cman_jax.data.word_vectors import WordVectors, read_word_vectors
from cman_jax.encoders.encoder import Encoder
from cman_jax.encoders.of_run import frozen_part, trained_part
from cman_jax.errors import InputError
from cman_jax.layers.products import precision_of
from cman_jax.run.constraints import (
    Constraints,
    has_constraints,
    learn_constraints,
    names_file,
    read_constraints,
    refuse_other_constraints,
    write_constraints,
)
from cman_jax.run.manifest import check_all, start_manifest, write_files
from cman_jax.run.provenance import check_provenance, fingerprint, write_provenance
from cman_jax.run.record import read_metrics
from cman_jax.run.system import System, check_thresholds, load_config, write_config


def open_run(
    config: Config,
    summaries: Summaries,
    workdir: Path,
    vectors: Path | None = None,
    encoder: Encoder | None = None,
) -> System:
    """Returns the system of the run in `workdir`, or of a new run, which is saved there.

    Args:
      config: the experiment.
      summaries: what "train", "dev" and optionally further splits contain.
      workdir: the working directory, made if it does not exist.
      vectors: file of pretrained word vectors; None: word vectors are trained.
      encoder: computes the contextual features; None: no contextual features.

    Raises:
      InputError: the vectors are damaged, there is no relation to score, or the workdir's run had other
        settings or data.
    """
    config = with_precision(config, workdir)
    spec = None if encoder is None else encoder.spec
    digests = fingerprint(summaries, vectors, spec)
    trained = trained_part(encoder, config.encoder)
    if (workdir / "config.json").is_file():
        return _resume(config, summaries, workdir, digests)
    _refuse_remains(workdir)
    table = _read_vectors(vectors, digests["vectors"], summaries, config)
    vocabs = _vocabs_of(summaries, config, table)
    contents = _contents_of(summaries, config, vocabs, vectors)
    check_thresholds(config.decoding, vocabs)
    constraints = _constraints_of(config, summaries, vocabs)
    system = System.build(_with_stored(config), vocabs, table and table.matrix, spec, trained)
    _begin_files(workdir)
    write_provenance(workdir, digests, contents)
    write_constraints(workdir, constraints)
    write_files(workdir, frozen_part(encoder, trained))
    system.save(workdir)  # config.json last: with it, the run exists
    return system


def with_precision(config: Config, workdir: Path) -> Config:
    """Returns a config without the precision "auto", which becomes what this device computes fast.

    A resumed run keeps its precisions on every machine.

    Args:
      config: the experiment.
      workdir: the working directory, with or without a run.
    """
    automatic = [name for name in ("training", "decoding") if getattr(config, name).precision == "auto"]
    resumed = automatic and (workdir / "config.json").is_file()
    run = load_config(workdir) if resumed else None
    for name in automatic:
        precision = getattr(run, name).precision if run else precision_of("auto")
        section = dataclasses.replace(getattr(config, name), precision=precision)
        config = dataclasses.replace(config, **{name: section})
    return config


def _begin_files(workdir: Path) -> None:
    """Removes the unfinished files of a start that was killed, and begins the manifest."""
    for folder in (workdir, workdir / "encoder", workdir / "data"):
        for unfinished in folder.glob(".*.tmp"):
            unfinished.unlink()
    start_manifest(workdir)


def _resume(config: Config, summaries: Summaries, workdir: Path, digests: Mapping[str, str]) -> System:
    """Returns the system of the run in `workdir`, after checks that these settings and data can resume it."""
    system = _checked(_with_stored(config), summaries, workdir, digests)
    if not has_constraints(workdir):
        write_constraints(workdir, _constraints_of(config, summaries, system.vocabs))
    elif names_file(config.decoding.constraints):
        refuse_other_constraints(config.decoding.constraints, workdir, system.vocabs)
    write_config(workdir, system.config)
    return system


def join_run(
    config: Config,
    summaries: Summaries,
    workdir: Path,
    vectors: Path | None = None,
    encoder: Encoder | None = None,
) -> System:
    """Returns the system of a run that another host has opened, and writes nothing.

    Args:
      config, summaries, workdir, vectors, encoder: as for `open_run`.

    Raises:
      InputError: there is no run, or it has other settings or data.
    """
    if not (workdir / "config.json").is_file():
        expected = "the run that the first host has opened there, because all hosts share the folder"
        raise InputError(workdir, None, "no run on this host", expected)
    digests = fingerprint(summaries, vectors, None if encoder is None else encoder.spec)
    return _checked(_with_stored(with_precision(config, workdir)), summaries, workdir, digests)


def _checked(config: Config, summaries: Summaries, workdir: Path, digests: Mapping[str, str]) -> System:
    """Returns the system of the run in `workdir`, if these settings and data can resume it."""
    check_all(workdir)
    _refuse_other_settings(config, load_config(workdir), workdir)
    system = System.load(workdir)
    check_thresholds(config.decoding, system.vocabs)
    check_provenance(workdir, digests, contents_of(summaries, config.training.trained_splits, system.vocabs))
    return system._replace(config=config)


def _contents_of(summaries: Summaries, config: Config, vocabs: Vocabs, vectors: Path | None) -> Contents:
    """Returns what the splits contain; raises an InputError if the vectors have none of their words."""
    contents = contents_of(summaries, config.training.trained_splits, vocabs)
    if vectors is not None and contents.words is not None:
        refuse_no_coverage(contents.words, vectors)
    return contents


def _constraints_of(config: Config, summaries: Summaries, vocabs: Vocabs) -> Constraints:
    """Returns what a run stores: the constraints of the config's file, or those of the trained splits."""
    choice = config.decoding.constraints
    if names_file(choice):
        return read_constraints(choice, vocabs)
    return learn_constraints(summaries[name] for name in config.training.trained_splits)


def _with_stored(config: Config) -> Config:
    """Returns the config of a run, which reads its own constraints.json in place of the file it is from."""
    if not names_file(config.decoding.constraints):
        return config
    decoding = dataclasses.replace(config.decoding, constraints="learned")
    return dataclasses.replace(config, decoding=decoding)


def _refuse_remains(workdir: Path) -> None:
    """Raises an InputError if the directory contains results without the config.json of their run.

    Files that a start writes before config.json do not make a run, and are written anew.
    """
    for name in ("checkpoints", "within_epoch", "metrics.jsonl", "scores.json"):
        if (workdir / name).exists():
            expected = "the config.json of its run, or another workdir"
            raise InputError(workdir, None, f"{name} without a config.json", expected)


def _vocabs_of(summaries: Summaries, config: Config, table: WordVectors | None) -> Vocabs:
    """Returns the vocabularies of the splits.

    Raises:
      InputError: the network would have no relation to score.
    """
    vocabs = build_vocabs(
        summaries["train"],
        [summary for name, summary in summaries.items() if name != "train"],
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


def _read_vectors(path: Path | None, digest: str, summaries: Summaries, config: Config) -> WordVectors | None:
    """Returns frozen vectors of all words that a split looks up, and of the most frequent other words.

    None means that word vectors are trained.
    """
    if path is None:
        return None
    tokens = {token for summary in summaries.values() for token in summary.tokens}
    wanted = frozenset(form for token in tokens for form in word_candidates(token))
    return _read_once(path, digest, wanted, config.data.extra_words)


@functools.lru_cache(maxsize=1)
def _read_once(path: Path, digest: str, wanted: frozenset[str], num_frequent: int) -> WordVectors:
    """Reads a file of vectors once for all runs of a population, which read the same file.

    Args:
      path: the file.
      digest: the file's digest, which tells files apart that had the same name one after the other.
      wanted: the words whose vectors are needed.
      num_frequent: number of the most frequent words that are read too.
    """
    del digest
    return read_word_vectors(path, wanted, num_frequent)


def _refuse_other_settings(config: Config, before: Config, workdir: Path) -> None:
    """Raises an InputError unless the config can resume the run in the directory.

    The number of epochs may differ if the learning rate is constant. It must not be below the number of
    finished epochs. How many updates may be skipped may differ too.
    """
    for name, there, here in differences(before, config):
        changes_nothing = name == "training.max_skipped_updates" or (
            name == "training.num_epochs" and config.constant_rate
        )
        if not changes_nothing:
            raise InputError(
                workdir,
                None,
                f"a run with {name} = {there!r}",
                f"{here!r} as in the config (or another workdir)",
            )
    done = max((row["epoch"] for row in read_metrics(workdir)), default=0)
    if config.training.num_epochs < done:
        expected = f"at most {config.training.num_epochs} (config.training.num_epochs), or another workdir"
        raise InputError(workdir, None, f"a run with {done} finished epochs", expected)

"""The entries of scores.json and analysis.json: what each was made from, and which are the run's own.

An entry is the run's own if it scores the run's split of that name, decoded by the run's config. It has the
name of the split. The name of every other entry adds what is different.
"""

import dataclasses
import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cman_jax.config import DecodingConfig
from cman_jax.run.manifest import read_updated_json
from cman_jax.run.provenance import recorded_digest, split_digest
from cman_jax.run.system import load_config
from cman_jax.types import Sentence
from cman_jax.version import __version__

TASKS = ("ner", "re")
_LONGEST = 40  # characters of a value in a name; file systems allow 255 for all


class Entry(NamedTuple):
    """Where an evaluation is kept.

    Attributes:
      name: the entry's name, also of its predictions.
      about: what the evaluation was made from, to be stored in the entry.
      differences: how the evaluation differs from the run's own, in words.
    """

    name: str
    about: dict[str, Any]
    differences: tuple[str, ...]

    @property
    def note(self) -> str:
        """Returns a line for the user; empty for the run's own entry."""
        reason = "; ".join(self.differences)
        return f"kept under the name {self.name}, beside the run's own scores: {reason}" if reason else ""


def entry_of(
    workdir: Path,
    split: str,
    sentences: Sequence[Sentence],
    decoding: DecodingConfig,
    epoch: int,
    scores: Mapping[str, Any] | None = None,
) -> Entry:
    """Returns the entry for an evaluation of the run's epoch on these sentences.

    Args:
      split: the name of the sentences' file.
      scores: the evaluation's result; its gold is compared with that of an entry of an older version, which
        has no digest. None: nothing is compared.
    """
    own, digest = load_config(workdir).decoding, split_digest(sentences)
    parts, differences = [split], []
    for field in dataclasses.fields(DecodingConfig):
        here, there = getattr(decoding, field.name), getattr(own, field.name)
        if here != there:
            differences.append(f"{field.name} is {here}, in the run's config {there}")
            parts.append(f"{field.name}_{_in_a_name(str(here))}")
    if not _is_own_data(workdir, split, digest, scores):
        differences.append(f"the sentences are not those of the run's {split}")
        parts.append(f"data_{digest[:8]}")
    about = {"epoch": epoch, "data": digest, "decoding": dataclasses.asdict(decoding), "version": __version__}
    return Entry("_".join(parts), about, tuple(differences))


def _in_a_name(value: str) -> str:
    """Returns a path, a tuple or another value for the name of a file; a long one becomes its digest."""
    if len(value) > _LONGEST:
        return hashlib.sha256(value.encode()).hexdigest()[:8]
    return re.sub("[^-.0-9A-Za-z]+", "_", value).strip("_")


def _is_own_data(workdir: Path, split: str, digest: str, scores: Mapping[str, Any] | None) -> bool:
    """Returns whether the sentences are the run's split of that name.

    data.json decides, or the first scores of that name where an older version has not recorded the split.
    """
    recorded = recorded_digest(workdir, split)
    first = read_updated_json(workdir / "scores.json").get(split)
    if recorded is None and isinstance(first, dict):
        recorded = first.get("data")
        if recorded is None and scores is not None:
            return gold_counts(first) == gold_counts(scores)
    return recorded in (None, digest)


def gold_counts(scores: Mapping[str, Any]) -> Any:
    """Returns how many sentences, entities and relations were scored, by type."""
    tables = (scores.get(task, {}).get("strict", {}).get("with_other", {}) for task in TASKS)
    counts = [{n: c["tp"] + c["fn"] for n, c in table.get("per_type", {}).items()} for table in tables]
    return scores.get("sentences"), counts


def foreign(entry: Mapping[str, Any], decoding: DecodingConfig, digest: str | None) -> str | None:
    """Returns how an entry contradicts the settings and data; None: it does not.

    Args:
      entry: an entry of scores.json; an older version stored neither settings nor data.
      digest: the digest of the split; None: unknown.
    """
    expected = dataclasses.asdict(decoding)
    for name, value in entry.get("decoding", {}).items():
        value = tuple(value) if isinstance(value, list) else value
        if value != expected.get(name, value):  # an older version had more fields
            return f"decoding.{name} = {value!r} instead of {expected[name]!r}"
    if digest is not None and entry.get("data", digest) != digest:
        return "other sentences than the run's"
    return None

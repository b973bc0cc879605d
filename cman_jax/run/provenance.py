"""The contents that a run was made of: digests of its data, vectors and encoder, kept in data.json."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cman_jax.data.contents import Contents
from cman_jax.data.stored import Stored
from cman_jax.data.summary import Summaries, digest_of
from cman_jax.errors import InputError
from cman_jax.files import file_digest, json_bytes, json_text, read_json
from cman_jax.run.manifest import check_listed, write_files
from cman_jax.types import EncoderSpec, Sentence

Splits = Mapping[str, Sequence[Sentence]]
"""Sentences under "train" and "dev", and under further splits whose words and types should be known."""

_FILE = "data.json"
_FIXED = ("train", "dev", "vectors", "features")
"""What must not change when a run is resumed. A further split may be corrected or be missing."""


def fingerprint(summaries: Summaries, vectors: Path | None, encoder: EncoderSpec | None) -> dict[str, str]:
    """Returns digests of everything that a run reads, so that its files may move between machines.

    Args:
      summaries: the summary of each split.
      vectors: the file of word vectors; None: no pretrained vectors.
      encoder: the encoder of the contextual features; None: no contextual features.

    Raises:
      InputError: the file of word vectors does not exist.
    """
    digests = {name: summary.digest for name, summary in summaries.items()}
    digests["vectors"] = "none" if vectors is None else _vectors_digest(vectors)
    digests["features"] = "none" if encoder is None else json_text(encoder)
    return digests


def split_digest(sentences: Iterable[Sentence]) -> str:
    """Returns the SHA-256 of the sentences' contents, whatever their file looks like."""
    return sentences.summary.digest if isinstance(sentences, Stored) else digest_of(sentences)


def write_provenance(workdir: Path, digests: Mapping[str, str], contents: Contents) -> None:
    """Writes data.json: the digests, and what the data contain.

    Args:
      workdir: the run's working directory.
      digests: the result of `fingerprint`.
      contents: counts of the data, including those that the network cannot learn.
    """
    _write(workdir, {**digests, "contents": contents.as_dict()})


def recorded_digest(workdir: Path, split: str) -> str | None:
    """Returns the digest of the run's split of that name; None if data.json does not contain it."""
    digest = _read(workdir).get(split)
    return digest if isinstance(digest, str) else None


def recorded_contents(workdir: Path) -> Contents | None:
    """Returns what the run's data contain; None if data.json does not say."""
    return Contents.from_dict(_read(workdir).get("contents"))


def check_split(workdir: Path, split: str, sentences: Sequence[Sentence]) -> None:
    """Checks that a split is the one that the run was made of.

    Args:
      workdir: the run's working directory.
      split: the name of the split.
      sentences: the sentences of the split now.

    Raises:
      InputError: data.json contains another digest for the split.
    """
    if recorded_digest(workdir, split) not in (None, split_digest(sentences)):
        expected = f"the same {split} as before, or another workdir"
        raise InputError(workdir / _FILE, None, f"a run on other {split}", expected)


def check_provenance(workdir: Path, digests: Mapping[str, str], contents: Contents) -> None:
    """Checks that the run in `workdir` was made of the same contents, and adds what data.json lacks.

    The file of an older version lacks the contents and the digests of further splits.

    Args:
      workdir: the run's working directory.
      digests: the result of `fingerprint` now.
      contents: what the data contain now.

    Raises:
      InputError: the training split, the dev split, the vectors or the features are different.
    """
    path = workdir / _FILE
    before = _read(workdir)
    for name in _FIXED:
        if before.get(name, "none") != digests[name]:
            expected = f"the same {name} as before, or another workdir"
            raise InputError(path, None, f"a run on other {name}", expected)
    complete = {**digests, "contents": contents.as_dict(), **before}
    if complete != before:
        _write(workdir, complete)


def _write(workdir: Path, values: Mapping[str, Any]) -> None:
    """Writes data.json."""
    write_files(workdir, {_FILE: json_bytes(workdir / _FILE, values)})


def _read(workdir: Path) -> dict[str, Any]:
    """Returns the contents of data.json; empty if it does not exist."""
    check_listed(workdir, _FILE)
    return read_json(workdir / _FILE)


def _vectors_digest(path: Path) -> str:
    """Returns the SHA-256 of a file of word vectors; raises an InputError if it does not exist."""
    if not path.is_file():
        raise InputError(path, None, "no such file", "word vectors")
    return file_digest(path)

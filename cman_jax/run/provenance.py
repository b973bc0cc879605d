"""What a run was made of, by content: data.json."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cman_jax.data.contents import Contents
from cman_jax.data.corpus import to_json
from cman_jax.errors import InputError
from cman_jax.files import json_text, read_json, write_json
from cman_jax.types import EncoderSpec, Sentence

Splits = Mapping[str, Sequence[Sentence]]
"""Sentences under "train" and "dev", and further splits whose words and types should be known."""

_FIXED = ("train", "dev", "vectors", "features")
"""What a continued run must share with its beginning; a further split may be corrected or be missing."""


def fingerprint(splits: Splits, vectors: Path | None, encoder: EncoderSpec | None) -> dict[str, str]:
    """Returns digests of everything that a run reads, so that files may move between machines.

    Raises:
      InputError: the file of word vectors does not exist.
    """
    digests = {name: split_digest(sentences) for name, sentences in splits.items()}
    digests["vectors"] = "none" if vectors is None else _file_digest(vectors)
    digests["features"] = "none" if encoder is None else json_text(encoder)
    return digests


def split_digest(sentences: Sequence[Sentence]) -> str:
    """Returns the SHA-256 of what the sentences say, whatever their file looks like."""
    text = "\n".join(json_text(to_json(sentence)) for sentence in sentences)
    return hashlib.sha256(text.encode()).hexdigest()


def write_provenance(workdir: Path, digests: Mapping[str, str], contents: Contents) -> None:
    """Writes data.json, with what of the data the network cannot learn."""
    write_json(workdir / "data.json", {**digests, "contents": contents.as_dict()})


def recorded_digest(workdir: Path, split: str) -> str | None:
    """Returns the digest of the run's split of that name; None: data.json does not have it."""
    digest = read_json(workdir / "data.json").get(split)
    return digest if isinstance(digest, str) else None


def check_split(workdir: Path, split: str, sentences: Sequence[Sentence]) -> None:
    """Raises an InputError if the run in `workdir` is known to have had other sentences in that split."""
    if recorded_digest(workdir, split) not in (None, split_digest(sentences)):
        expected = f"{split} as then, or another workdir"
        raise InputError(workdir / "data.json", None, f"a run on other {split}", expected)


def check_provenance(workdir: Path, digests: Mapping[str, str], contents: Contents) -> None:
    """Raises an InputError unless the run in `workdir` was made of this; adds what data.json lacks.

    The file of an older version has neither the contents nor the digests of further splits.
    """
    path = workdir / "data.json"
    before: dict[str, Any] = read_json(path)
    for name in _FIXED:
        if before.get(name, "none") != digests[name]:
            raise InputError(path, None, f"a run on other {name}", f"{name} as then, or another workdir")
    complete = {**digests, "contents": contents.as_dict(), **before}
    if complete != before:
        write_json(path, complete)


def _file_digest(path: Path) -> str:
    if not path.is_file():
        raise InputError(path, None, "no such file", "word vectors")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

"""Constraints on types: which entity types a relation connects, by default as constraints.json says."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from cman_jax.data.summary import Summary
from cman_jax.data.vocab import Vocabs
from cman_jax.errors import InputError
from cman_jax.files import json_bytes, parse_json, read_utf8, show
from cman_jax.run.manifest import check_listed, write_files

Constraints = Mapping[str, frozenset[tuple[str, str]]]
"""The allowed (subject type, object type) of each relation type. An absent relation type is unconstrained."""

_FILE = "constraints.json"
_LAYOUT = 'a JSON object such as {"Work_For": [["Peop", "Org"]]}'


def learn_constraints(summaries: Iterable[Summary]) -> Constraints:
    """Returns the pairs of entity types that each relation type connects in the splits."""
    found: dict[str, frozenset[tuple[str, str]]] = {}
    for summary in summaries:
        for name, pairs in summary.arguments.items():
            found[name] = found.get(name, frozenset()) | pairs
    return dict(sorted(found.items()))


def write_constraints(workdir: Path, constraints: Constraints) -> None:
    """Writes constraints.json."""
    write_files(workdir, {_FILE: json_bytes(workdir / _FILE, for_json(constraints))})


def for_json(constraints: Constraints) -> dict[str, list[list[str]]]:
    """Returns constraints as JSON expresses them."""
    return {name: [list(pair) for pair in sorted(pairs)] for name, pairs in constraints.items()}


def names_file(choice: str) -> bool:
    """Returns whether `config.decoding.constraints` names a file."""
    return choice not in ("none", "learned")


def has_constraints(workdir: Path) -> bool:
    """Returns whether the run stores constraints; runs of version 0.2.0 and before do not."""
    return (workdir / _FILE).is_file()


def load_constraints(choice: str, workdir: Path | None, vocabs: Vocabs) -> Constraints | None:
    """Returns the constraints that `config.decoding.constraints` chooses; None: relations are unconstrained.

    "learned" chooses those that the run stores. Without stored constraints, nothing is constrained.

    Args:
      choice: "none", "learned" or a file.
      workdir: the run's working directory; None: a network without files, and so without learned constraints.
      vocabs: contain the types that the run knows.

    Raises:
      InputError: a file is missing or damaged, or has a type that the run does not know.
    """
    if choice == "none":
        return None
    if names_file(choice):
        return read_constraints(choice, vocabs)
    if workdir is None:
        return None
    check_listed(workdir, _FILE)
    stored = has_constraints(workdir)
    return read_constraints(workdir / _FILE, vocabs) if stored else None


def read_constraints(path: str | Path, vocabs: Vocabs) -> Constraints:
    """Returns the constraints of a JSON file: a list of pairs of entity types for each relation type.

    Raises:
      InputError: the file does not exist, has another layout, or has a type that the run does not know.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(path, None, "no such file", f"none, learned or a file with {_LAYOUT}")
    return from_json(parse_json(read_utf8(path), partial(InputError, path, None)), vocabs, path)


def refuse_other_constraints(path: str | Path, workdir: Path, vocabs: Vocabs) -> None:
    """Raises an InputError if a file differs from what the run stores, or cannot be read."""
    if read_constraints(path, vocabs) != load_constraints("learned", workdir, vocabs):
        expected = f"those of {workdir / _FILE}, or another workdir"
        raise InputError(path, None, "other constraints than those of the run", expected)


def from_json(content: Any, vocabs: Vocabs, path: Path) -> Constraints:
    """Returns constraints that JSON expressed.

    Args:
      content: as `for_json` returned it.
      vocabs: contain the types that the run knows.
      path: the file, for error messages.

    Raises:
      InputError: the content has another layout, or a type that the run does not know.
    """
    if not isinstance(content, dict):
        raise InputError(path, None, show(content), _LAYOUT)
    return {
        _known(name, vocabs.relation_types, "relation type", path): _pairs(name, pairs, vocabs, path)
        for name, pairs in content.items()
    }


def allows(constraints: Constraints, relation: str, subject: str, object_: str) -> bool:
    """Returns whether a relation type may connect a subject and an object of these entity types."""
    return relation not in constraints or (subject, object_) in constraints[relation]


def _pairs(name: str, pairs: Any, vocabs: Vocabs, path: Path) -> frozenset[tuple[str, str]]:
    """Returns one relation type's pairs."""
    if not isinstance(pairs, list):
        raise InputError(path, None, f"{show(pairs)} under {name!r}", _LAYOUT)
    for pair in pairs:
        if not isinstance(pair, list) or len(pair) != 2:
            raise InputError(path, None, f"the pair {show(pair)} under {name!r}", _LAYOUT)
    known = partial(_known, types=vocabs.entity_types, what="entity type", path=path)
    return frozenset((known(subject), known(object_)) for subject, object_ in pairs)


def _known(name: Any, types: Sequence[str], what: str, path: Path) -> str:
    """Returns the name if it is one of the types; the error names the nearest type."""
    if name in types:
        return name
    near = difflib.get_close_matches(str(name), types, 1)
    every = ", ".join(types)
    raise InputError(
        path,
        None,
        f"the {what} {show(name)}",
        f"{near[0]}, the nearest of {every}" if near else f"one of {every}",
    )

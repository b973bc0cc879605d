"""Calibrated probabilities of a run, and its tuned thresholds: the two entries of calibration.json."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from cman_jax.errors import InputError
from cman_jax.files import read_json
from cman_jax.run.manifest import check_listed, update_json
from cman_jax.types import Annotation
from cman_jax.version import __version__

FILE = "calibration.json"
_LEAST = 1e-7  # probabilities closer to 0 or 1 are taken for this one, because their log-odds are infinite


class Platt(NamedTuple):
    """A rising function of probabilities: `sigmoid(scale * log-odds + offset)`; by default the identity.

    The inverse of `scale` is the temperature. Source: Platt (1999), Probabilistic Outputs for SVMs.

    Attributes:
      scale: factor of the log-odds, above 0.
      offset: is added to the scaled log-odds, in nats.
    """

    scale: float = 1.0
    offset: float = 0.0

    def __call__(self, prob: float) -> float:
        """Returns the calibrated probability; the identity returns the probability unchanged."""
        if self == (1.0, 0.0):
            return prob
        logit = self.scale * float(log_odds(np.array([prob]))[0]) + self.offset
        return 1 / (1 + math.exp(-logit)) if logit > -700 else 0.0


class Calibration(NamedTuple):
    """The functions that calibrate a run's probabilities. Attributes: ner: of entities; re: of triples."""

    ner: Platt = Platt()
    re: Platt = Platt()

    def __call__(self, annotation: Annotation) -> Annotation:
        """Returns the annotation with calibrated probabilities of entities and triples.

        The probability of a relation's cell stays, because the threshold is compared with it.
        """
        return annotation._replace(
            entity_prob=tuple(map(self.ner, annotation.entity_prob)),
            triple_prob=tuple(map(self.re, annotation.triple_prob)),
        )


def log_odds(prob: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Returns the log-odds of probabilities in nats, finite also at 0 and 1."""
    prob = np.clip(np.asarray(prob, float), _LEAST, 1 - _LEAST)
    return np.log(prob) - np.log1p(-prob)


def write_entry(workdir: Path, name: str, epoch: int, data: str, fields: Mapping[str, Any]) -> None:
    """Writes one entry of calibration.json; the other entry stays.

    Args:
      workdir: the run's working directory.
      name: "probabilities" or "threshold".
      epoch: the epoch whose predictions were used.
      data: the digest of the sentences.
      fields: what was fitted.
    """
    entry = {"epoch": epoch, "data": data, "version": __version__, **fields}
    update_json(workdir / FILE, {name: entry})


def read_calibration(workdir: Path, epoch: int) -> Calibration | None:
    """Returns the stored calibration of an epoch's probabilities; None: none is stored, or of another epoch.

    Raises:
      InputError: the file is damaged.
    """
    entry = _read_entry(workdir, "probabilities", epoch)
    return None if entry is None else from_json(entry, workdir / FILE)


def from_json(entry: Any, path: Path) -> Calibration:
    """Returns a calibration that JSON expressed.

    Args:
      entry: `Platt._asdict()` by the names of a calibration's fields; further keys are not read.
      path: the file, for error messages.

    Raises:
      InputError: the entry has another layout.
    """
    fitted = []
    for task in Calibration._fields:
        part = entry.get(task) if isinstance(entry, dict) else None
        numbers = [part.get(name) if isinstance(part, dict) else None for name in Platt._fields]
        if not all(_is_number(number) for number in numbers) or numbers[0] <= 0:
            found = f"{part!r} as the calibration {task!r}"
            raise InputError(path, None, found, "a scale above 0 and an offset, as this library wrote")
        fitted.append(Platt(*map(float, numbers)))
    return Calibration(*fitted)


def tuned_decoding(workdir: Path, epoch: int, relation_types: Sequence[str]) -> dict[str, Any]:
    """Returns the fields of `config.decoding` that were tuned for an epoch.

    Args:
      workdir: the run's working directory.
      epoch: the epoch.
      relation_types: the run's relation types.

    Returns:
      `threshold`, or `relation_thresholds` in the order of the types.

    Raises:
      InputError: none is stored, it belongs to another epoch, or the file is damaged.
    """
    entry = _read_entry(workdir, "threshold", epoch)
    if entry is None:
        found = f"no threshold that was tuned for epoch {epoch}"
        raise InputError(workdir / FILE, None, found, "a number, or a run whose threshold was tuned on dev")
    value = entry.get("value")
    if not isinstance(value, dict):
        return {"threshold": _as_threshold(value, workdir)}
    if sorted(value) != sorted(relation_types):
        found = f"thresholds of {', '.join(value) or 'no relation type'}"
        raise InputError(workdir / FILE, None, found, f"one for each of {', '.join(relation_types)}")
    return {"relation_thresholds": tuple(_as_threshold(value[name], workdir) for name in relation_types)}


def _as_threshold(value: Any, workdir: Path) -> float:
    """Returns a stored threshold, or raises an InputError."""
    if not _is_number(value) or not 0 <= value < 1:
        raise InputError(workdir / FILE, None, f"the threshold {value!r}", "a number in [0, 1)")
    return float(value)


def is_outdated(workdir: Path, epoch: int) -> bool:
    """Returns whether the stored calibration belongs to another epoch than this one."""
    check_listed(workdir, FILE)
    stored = read_json(workdir / FILE).get("probabilities")
    return isinstance(stored, dict) and stored.get("epoch") != epoch


def _read_entry(workdir: Path, name: str, epoch: int) -> dict[str, Any] | None:
    """Returns an entry; None: it is missing or of another epoch."""
    check_listed(workdir, FILE)
    entry = read_json(workdir / FILE).get(name)
    if entry is not None and not isinstance(entry, dict):
        raise InputError(workdir / FILE, None, f"{entry!r} under {name!r}", "a JSON object")
    return entry if entry and entry.get("epoch") == epoch else None


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)

"""The corpora of the quick budget: the first short sentences of the real corpora, or generated sentences."""

from collections.abc import Mapping
from pathlib import Path

from cman_jax.data.corpus import load_split, write_jsonl
from cman_jax.types import Sentence
from data_prep.generated.corpus import generate_splits
from experiments.reproduction.rows import Corpus
from experiments.reproduction.runs import QUICK_LENGTH

SIZES = {"train": 64, "dev": 32, "test": 32}

Splits = Mapping[str, list[Sentence]]


def write_quick(conll04: Path | None, ade: Path | None, out: Path) -> dict[Corpus, Path]:
    """Writes both corpora below `out` and returns their folders.

    The ADE corpus gets two folds, both made of fold 0 of `ade`; fold 1 exchanges its dev and test splits.
    So both folds have the same vocabulary and share compiled programs.

    Args:
      conll04: the folder of CoNLL04; None: a generated corpus with its own types replaces it.
      ade: the folder of ADE's folds; None: a generated corpus with its own types replaces it.
      out: the folder to write to.

    Raises:
      InputError: a split is missing or malformed.
    """
    corpora: dict[Corpus, Path] = {
        "conll04": out / ("conll04" if conll04 else "generated"),
        "ade": out / ("ade" if ade else "generated_folds"),
    }
    _write(_first(conll04), corpora["conll04"])
    fold = _first(ade / "fold_0" if ade else None)
    _write(fold, corpora["ade"] / "fold_0")
    _write({**fold, "dev": fold["test"], "test": fold["dev"]}, corpora["ade"] / "fold_1")
    return corpora


def _first(data: Path | None) -> Splits:
    """Returns the first sentences of each split that fit the single shape of the quick budget."""
    if data is None:
        return generate_splits(SIZES)
    return {
        split: [s for s in load_split(data, split) if len(s.tokens) <= QUICK_LENGTH][:size]
        for split, size in SIZES.items()
    }


def _write(splits: Splits, folder: Path) -> None:
    """Writes every split as a file of the folder."""
    for split, sentences in splits.items():
        write_jsonl(folder / f"{split}.jsonl", sentences)

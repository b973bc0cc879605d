"""The corpora of the quick budget: the first short sentences of what is given, or generated ones."""

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
    """Writes both below `out` and says where; None: a generated one in its place, with its own types.

    Of ADE the first fold is read. The second that is written has its dev and test exchanged, and so the same
    vocabulary: a program compiled for one serves the other.

    Raises:
      InputError: a split that should be there is not, or is damaged.
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
    """As many sentences of each split, without those that would need a second shape."""
    if data is None:
        return generate_splits(SIZES)
    return {
        split: [s for s in load_split(data, split) if len(s.tokens) <= QUICK_LENGTH][:size]
        for split, size in SIZES.items()
    }


def _write(splits: Splits, folder: Path) -> None:
    for split, sentences in splits.items():
        write_jsonl(folder / f"{split}.jsonl", sentences)

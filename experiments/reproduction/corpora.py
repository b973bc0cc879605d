"""The corpora of the quick budget: the first short sentences of what is given, or generated ones."""

from pathlib import Path

from cman_jax.data.corpus import load_split, write_jsonl
from cman_jax.types import Sentence
from data_prep.generated_corpus import generate_splits
from experiments.reproduction.rows import Corpus
from experiments.reproduction.runs import QUICK_FOLDS, QUICK_LENGTH

SIZES = {"train": 64, "dev": 32, "test": 32}


def write_quick(conll04: Path | None, ade: Path | None, out: Path) -> dict[Corpus, Path]:
    """Writes both below `out` and says where; None: generated in its place, with the generator's types.

    Raises:
      InputError: a split that should be there is not, or is damaged.
    """
    corpora: dict[Corpus, Path] = {
        "conll04": out / ("conll04" if conll04 else "generated"),
        "ade": out / ("ade" if ade else "generated_folds"),
    }
    _write(_first(conll04) if conll04 else generate_splits(SIZES), corpora["conll04"])
    for fold in range(QUICK_FOLDS):
        name = f"fold_{fold}"
        splits = _first(ade / name) if ade else generate_splits(SIZES, seed=1 + fold)
        _write(splits, corpora["ade"] / name)
    return corpora


def _first(data: Path) -> dict[str, list[Sentence]]:
    """As many sentences of each split, without those that would need a second shape."""
    return {
        split: [s for s in load_split(data, split) if len(s.tokens) <= QUICK_LENGTH][:size]
        for split, size in SIZES.items()
    }


def _write(splits: dict[str, list[Sentence]], folder: Path) -> None:
    for split, sentences in splits.items():
        write_jsonl(folder / f"{split}.jsonl", sentences)

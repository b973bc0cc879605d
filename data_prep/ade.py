"""The conversion of ADE (Gurulingappa et al. 2012) in SpERT's ten folds to fold_K/{train,dev,test}.jsonl.

    python -m data_prep.ade --source=DIR --out=data/ade

`python -m data_prep.download --corpus=ade` downloads the source. SpERT has no dev splits. The program draws a
dev split from every fold's training sentences (--dev_fraction). The same --seed draws the same sentences.
The only relation type is "Adverse-Effect", as in SpERT; its subject is the effect, its object the drug.
full.jsonl is the whole corpus without changes.

119 sentences have overlapping entities, which BIO tags cannot express. --overlap selects their treatment:

  longest        train and dev keep the longest of two overlapping entities. TEST KEEPS ALL, because the
                 scorer applies SpERT's rule (drop both entities, in the gold and in the predictions).
  drop-sentence  these sentences are removed from all three splits; 4,153 of 4,272 sentences remain.
  keep           all entities are kept in all splits.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from absl import flags

from cman_jax.app.program import run_main
from cman_jax.data.corpus import describe_counts, write_jsonl
from cman_jax.data.draw import random_order
from cman_jax.data.formats.oddities import describe_oddities
from cman_jax.data.formats.spert import read_spert
from cman_jax.data.overlap import has_overlap, keep_longest
from cman_jax.errors import InputError
from cman_jax.locking import writing_in
from cman_jax.types import Sentence

NUM_FOLDS = 10
DEV_FRACTION, DEV_SEED = 0.15, 0
OVERLAP_CHOICES = ("longest", "drop-sentence", "keep")

Overlap = Literal["longest", "drop-sentence", "keep"]


def resolve_overlap(sentences: Sequence[Sentence], overlap: Overlap, split: str) -> list[Sentence]:
    """Returns the sentences of a split under one treatment of overlapping entities.

    Args:
      sentences: the sentences of the split.
      overlap: the treatment; the module's docstring describes the three.
      split: "train", "dev" or "test"; "longest" does not change "test".
    """
    if overlap == "drop-sentence":
        return [sentence for sentence in sentences if not has_overlap(sentence)]
    if overlap == "longest" and split != "test":
        return [keep_longest(sentence) for sentence in sentences]
    return list(sentences)


def draw_dev(
    sentences: Sequence[Sentence], fraction: float, seed: int
) -> tuple[list[Sentence], list[Sentence]]:
    """Draws dev sentences at random and returns (train, dev), both in the original order.

    Args:
      sentences: the training sentences of a fold.
      fraction: the share of the sentences for dev, rounded to whole sentences.
      seed: the seed of the draw.
    """
    chosen = set(random_order(len(sentences), seed)[: round(fraction * len(sentences))])
    train = [sentence for index, sentence in enumerate(sentences) if index not in chosen]
    return train, [sentences[index] for index in sorted(chosen)]


def read_folds(source: str | Path, full: Sequence[Sentence]) -> list[tuple[list[Sentence], list[Sentence]]]:
    """Reads the ten folds and returns each one as (train, test).

    Args:
      source: the folder of SpERT's files.
      full: the sentences of ade_full.json.

    Raises:
      InputError: a file is malformed, or a fold does not split the full corpus in two.
    """
    directory = Path(source)
    corpus = {sentence.id: sentence for sentence in full}
    folds = []
    for fold in range(NUM_FOLDS):
        test_path = directory / f"ade_split_{fold}_test.json"
        train = read_spert(directory / f"ade_split_{fold}_train.json").sentences
        test = read_spert(test_path).sentences
        if {sentence.id: sentence for sentence in train + test} != corpus or len(train + test) != len(corpus):
            found = (
                f"{len(train)} training and {len(test)} test sentences that are not those of ade_full.json"
            )
            expected = f"the {len(corpus)} sentences of ade_full.json, each in train or in test"
            raise InputError(test_path, None, found, expected)
        folds.append((train, test))
    return folds


def convert(source: str | Path, out: str | Path, overlap: Overlap, dev_fraction: float, seed: int) -> str:
    """Reads all files, then writes full.jsonl and the folds, and returns a report for the user.

    The dev sentences are drawn before overlaps are resolved, so that all treatments share one dev split.

    Args:
      source: the folder of SpERT's files.
      out: the folder to write to.
      overlap: the treatment of overlapping entities.
      dev_fraction: the share of a fold's training sentences for dev.
      seed: the seed of the draw of dev sentences.

    Raises:
      InputError: a file is malformed, a fold does not split the full corpus in two, or another program is
        writing there; nothing is written then.
    """
    full_path = Path(out) / "full.jsonl"
    full, oddities, _ = read_spert(Path(source) / "ade_full.json")
    folds = read_folds(source, full)
    with writing_in(Path(out)):
        write_jsonl(full_path, full)
        lines = [f"{full_path}: {describe_counts(full)}"]
        for fold, (train_and_dev, test) in enumerate(folds):
            train, dev = draw_dev(train_and_dev, dev_fraction, seed)
            for split, sentences in (("train", train), ("dev", dev), ("test", test)):
                path = Path(out) / f"fold_{fold}" / f"{split}.jsonl"
                resolved = resolve_overlap(sentences, overlap, split)
                write_jsonl(path, resolved)
                lines.append(f"{path}: {describe_counts(resolved)} ({_losses(sentences, resolved)})")
    return "\n".join([*lines, describe_oddities(oddities)])


def _losses(before: Sequence[Sentence], after: Sequence[Sentence]) -> str:
    """Describes how many sentences, entities and relations the treatment of overlaps removed."""
    sentences = len(before) - len(after)
    entities = sum(len(s.entities) for s in before) - sum(len(s.entities) for s in after)
    relations = sum(len(s.relations) for s in before) - sum(len(s.relations) for s in after)
    return f"removed for overlaps: {sentences} sentences, {entities} entities, {relations} relations"


def _main(argv: Sequence[str]) -> None:
    """Converts the corpus with the settings in the flags and prints the report."""
    del argv
    f = flags.FLAGS
    print(convert(f.source, f.out, f.overlap, f.dev_fraction, f.seed))


if __name__ == "__main__":
    flags.DEFINE_string(
        "source", None, "Folder with SpERT's ade_full.json and ade_split_K_*.json.", required=True
    )
    flags.DEFINE_string("out", None, "Folder to write full.jsonl and fold_0 ... fold_9 to.", required=True)
    flags.DEFINE_enum(
        "overlap",
        "longest",
        OVERLAP_CHOICES,
        "Treatment of overlapping entities. `longest` keeps the longest in train and dev, and all of them in "
        "test, where the scorer applies SpERT's rule. `drop-sentence` removes sentences with overlapping "
        "entities from all splits. `keep` keeps all entities.",
    )
    flags.DEFINE_float(
        "dev_fraction",
        DEV_FRACTION,
        "Share of a fold's training sentences to use as its dev split.",
        0.001,
        0.999,
    )
    flags.DEFINE_integer("seed", DEV_SEED, "Seed for drawing the dev sentences.", lower_bound=0)
    run_main(_main)

"""Converts ADE (Gurulingappa et al. 2012) in SpERT's ten folds to fold_K/{train,dev,test}.jsonl.

    python -m data_prep.ade --source=DIR --out=data/ade

SpERT has no dev sets: a share of every fold's training sentences (--dev_fraction) is drawn as one, the same
for the same --seed. The one relation type is called "Adverse-Effect", as in SpERT; its subject is the effect,
its object the drug. full.jsonl is the whole corpus, unaltered. `python -m data_prep.download --corpus=ade`
fetches the source.

119 sentences have entities that overlap, which BIO tags cannot express; --overlap says what becomes of them:

  longest        train and dev keep the longest of two overlapping entities. TEST KEEPS ALL, since the scorer
                 applies SpERT's rule to it (drop both, in the gold and in the predictions).
  drop-sentence  those sentences leave all three splits; 4,153 of 4,272 remain.
  keep           nothing is altered.
"""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from absl import flags

from cman_jax.app.program import run_main
from cman_jax.data.corpus import write_jsonl
from cman_jax.data.formats.oddities import describe_oddities
from cman_jax.data.formats.spert import read_spert
from cman_jax.data.overlap import has_overlap, keep_longest
from cman_jax.errors import InputError
from cman_jax.types import Sentence
from data_prep.conll04 import describe_counts

NUM_FOLDS = 10
OVERLAP_CHOICES = ("longest", "drop-sentence", "keep")

Overlap = Literal["longest", "drop-sentence", "keep"]


def resolve_overlap(sentences: Sequence[Sentence], overlap: Overlap, split: str) -> list[Sentence]:
    """The sentences of a split under one of the choices (see the module's docstring)."""
    if overlap == "drop-sentence":
        return [sentence for sentence in sentences if not has_overlap(sentence)]
    if overlap == "longest" and split != "test":
        return [keep_longest(sentence) for sentence in sentences]
    return list(sentences)


def draw_dev(
    sentences: Sequence[Sentence], fraction: float, seed: int
) -> tuple[list[Sentence], list[Sentence]]:
    """Splits into (train, dev); dev holds about `fraction` of the sentences, both keep their order."""
    rng = random.Random(seed)
    draws = [rng.random() for _ in sentences]  # random() alone gives the same stream in every Python
    order = sorted(range(len(sentences)), key=lambda index: draws[index])
    chosen = set(order[: round(fraction * len(sentences))])
    train = [sentence for index, sentence in enumerate(sentences) if index not in chosen]
    return train, [sentences[index] for index in sorted(chosen)]


def read_folds(source: str | Path, full: Sequence[Sentence]) -> list[tuple[list[Sentence], list[Sentence]]]:
    """The ten folds as (train, test), each checked to be the `full` corpus cut in two."""
    directory = Path(source)
    corpus = {sentence.id: sentence for sentence in full}
    folds = []
    for fold in range(NUM_FOLDS):
        test_path = directory / f"ade_split_{fold}_test.json"
        train = read_spert(directory / f"ade_split_{fold}_train.json")[0]
        test = read_spert(test_path)[0]
        if {sentence.id: sentence for sentence in train + test} != corpus or len(train + test) != len(corpus):
            found = f"{len(train)} training and {len(test)} test sentences that are not ade_full.json's"
            raise InputError(test_path, None, found, f"its {len(corpus)} sentences, cut in two")
        folds.append((train, test))
    return folds


def convert(source: str | Path, out: str | Path, overlap: Overlap, dev_fraction: float, seed: int) -> str:
    """Reads everything, then writes full.jsonl and the folds; returns the report to print.

    The dev sentences are drawn before overlaps are resolved: all choices of `overlap` share one dev set.
    """
    full_path = Path(out) / "full.jsonl"
    full, oddities = read_spert(Path(source) / "ade_full.json")
    folds = read_folds(source, full)
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
    """What resolving the overlaps cost."""
    sentences = len(before) - len(after)
    entities = sum(len(s.entities) for s in before) - sum(len(s.entities) for s in after)
    relations = sum(len(s.relations) for s in before) - sum(len(s.relations) for s in after)
    return f"overlaps took {sentences} sentences, {entities} entities, {relations} relations"


def _main(argv: Sequence[str]) -> None:
    del argv
    f = flags.FLAGS
    print(convert(f.source, f.out, f.overlap, f.dev_fraction, f.seed))


if __name__ == "__main__":
    flags.DEFINE_string("source", None, "Directory of ade_full.json and ade_split_K_*.json.", required=True)
    flags.DEFINE_string("out", None, "Directory to write full.jsonl and fold_0 ... fold_9 to.", required=True)
    flags.DEFINE_enum(
        "overlap",
        "longest",
        OVERLAP_CHOICES,
        "Overlapping entities: `longest` keeps the longest in train and dev but all of them in test, where "
        "the scorer applies SpERT's rule; `drop-sentence` drops such sentences everywhere; `keep` keeps all.",
    )
    flags.DEFINE_float(
        "dev_fraction", 0.15, "Share of a fold's training sentences to make dev.", 0.001, 0.999
    )
    flags.DEFINE_integer("seed", 0, "Seed of the draw of the dev sentences.", lower_bound=0)
    run_main(_main)

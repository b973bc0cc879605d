"""Converts CoNLL04 (Roth & Yih 2004) to train.jsonl, dev.jsonl and test.jsonl.

    python -m data_prep.conll04 --source=DIR --split_from=bekoulis --out=data/conll04

--split_from=bekoulis reads {train,dev,test}.txt, the split of Bekoulis et al. (2018), 910 / 243 / 288
sentences: the default everywhere in this project. --split_from=spert reads conll04_{train,dev,test}.json,
the split of Gupta et al. as SpERT publishes it, 922 / 231 / 288: the same test sentences, though final
periods are glued to the last word. `python -m data_prep.download --corpus=conll04` fetches both. What is odd
in the files is printed and counted; what is malformed stops the program with its file and line.
"""

from collections.abc import Sequence
from pathlib import Path

from absl import flags

from cman_jax.app.program import run_main
from cman_jax.data.corpus import write_jsonl
from cman_jax.data.formats.bekoulis import read_columns
from cman_jax.data.formats.oddities import Oddity, describe_oddities
from cman_jax.data.formats.spert import read_spert
from cman_jax.types import Sentence

SPLITS = ("train", "dev", "test")


def read_split(source: str | Path, split_from: str, split: str) -> tuple[list[Sentence], list[Oddity]]:
    """One split of CoNLL04 as its publisher wrote it; `split_from` is "bekoulis" or "spert"."""
    if split_from == "bekoulis":
        return read_columns(Path(source) / f"{split}.txt")
    return read_spert(Path(source) / f"conll04_{split}.json")


def convert(source: str | Path, split_from: str, out: str | Path) -> str:
    """Reads all three splits, then writes them; returns the report to print."""
    splits = {split: read_split(source, split_from, split) for split in SPLITS}
    lines = []
    for split, (sentences, _) in splits.items():
        path = Path(out) / f"{split}.jsonl"
        write_jsonl(path, sentences)
        lines.append(f"{path}: {describe_counts(sentences)}")
    oddities = [oddity for _, found in splits.values() for oddity in found]
    return "\n".join([*lines, describe_oddities(oddities)])


def describe_counts(sentences: Sequence[Sentence]) -> str:
    """How many sentences, tokens, entities and relations there are."""
    tokens = sum(len(sentence.tokens) for sentence in sentences)
    entities = sum(len(sentence.entities) for sentence in sentences)
    relations = sum(len(sentence.relations) for sentence in sentences)
    return f"{len(sentences)} sentences, {tokens} tokens, {entities} entities, {relations} relations"


def _main(argv: Sequence[str]) -> None:
    del argv
    print(convert(flags.FLAGS.source, flags.FLAGS.split_from, flags.FLAGS.out))


if __name__ == "__main__":
    flags.DEFINE_string("source", None, "Directory of the downloaded files.", required=True)
    flags.DEFINE_enum("split_from", "bekoulis", ["bekoulis", "spert"], "Whose split, and so which format.")
    flags.DEFINE_string(
        "out", None, "Directory to write train.jsonl, dev.jsonl and test.jsonl to.", required=True
    )
    run_main(_main)

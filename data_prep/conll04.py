"""The conversion of CoNLL04 (Roth & Yih 2004) to train.jsonl, dev.jsonl and test.jsonl.

    python -m data_prep.conll04 --source=DIR --split_from=bekoulis --out=data/conll04

`python -m data_prep.download --corpus=conll04` downloads the files of both splits:

  bekoulis  {train,dev,test}.txt, the split of Bekoulis et al. (2018): 910 / 243 / 288 sentences. It is the
            default everywhere in this project.
  spert     conll04_{train,dev,test}.json, the split of Gupta et al. as SpERT publishes it: 922 / 231 / 288
            sentences. Its test sentences are the same, but final periods are part of the last word.

The program prints and counts oddities in the files. A malformed file stops the program with a message that
names the file and the line.
"""

from collections.abc import Sequence
from pathlib import Path

from absl import flags

from cman_jax.app.program import run_main
from cman_jax.data.corpus import describe_counts, write_jsonl
from cman_jax.data.formats.bekoulis import read_columns
from cman_jax.data.formats.oddities import Reading, describe_oddities
from cman_jax.data.formats.spert import read_spert
from cman_jax.locking import writing_in

SPLITS = ("train", "dev", "test")


def read_split(source: str | Path, split_from: str, split: str) -> Reading:
    """Reads one split of CoNLL04 in its publisher's format.

    Args:
      source: the folder of the publisher's files.
      split_from: the publisher, "bekoulis" or "spert".
      split: "train", "dev" or "test".

    Raises:
      InputError: the file is malformed.
    """
    if split_from == "bekoulis":
        return read_columns(Path(source) / f"{split}.txt")
    return read_spert(Path(source) / f"conll04_{split}.json")


def convert(source: str | Path, split_from: str, out: str | Path) -> str:
    """Reads all three splits, then writes them, and returns a report for the user.

    Args:
      source: the folder of the publisher's files.
      split_from: the publisher, "bekoulis" or "spert".
      out: the folder to write to.

    Raises:
      InputError: a file is malformed, or another program is writing there; nothing is written then.
    """
    splits = {split: read_split(source, split_from, split) for split in SPLITS}
    lines = []
    with writing_in(Path(out)):
        for split, reading in splits.items():
            path = Path(out) / f"{split}.jsonl"
            write_jsonl(path, reading.sentences)
            lines.append(f"{path}: {describe_counts(reading.sentences)}")
    oddities = [oddity for reading in splits.values() for oddity in reading.oddities]
    return "\n".join([*lines, describe_oddities(oddities)])


def _main(argv: Sequence[str]) -> None:
    """Converts the corpus with the settings in the flags and prints the report."""
    del argv
    print(convert(flags.FLAGS.source, flags.FLAGS.split_from, flags.FLAGS.out))


if __name__ == "__main__":
    flags.DEFINE_string("source", None, "Folder of the downloaded files.", required=True)
    flags.DEFINE_enum(
        "split_from",
        "bekoulis",
        ["bekoulis", "spert"],
        "Publisher of the split, which also determines the format of the files.",
    )
    flags.DEFINE_string(
        "out", None, "Folder to write train.jsonl, dev.jsonl and test.jsonl to.", required=True
    )
    run_main(_main)

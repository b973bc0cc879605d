"""The program that writes the generated corpus, which needs no download; corpus.py describes the corpus.

    python -m data_prep.generated --out=data/generated

The same seed writes the same bytes.
"""

from collections.abc import Sequence
from pathlib import Path

from absl import flags

from cman_jax.app.program import run_main
from cman_jax.data.corpus import write_jsonl
from cman_jax.locking import writing_in
from data_prep.generated.corpus import SIZES, generate_splits

_OUT = flags.DEFINE_string(
    "out", None, "Folder to write train.jsonl, dev.jsonl and test.jsonl to.", required=True
)
_SIZES = {
    split: flags.DEFINE_integer(
        f"num_{split}", number, f"Number of sentences in {split}.jsonl.", lower_bound=1
    )
    for split, number in SIZES.items()
}
_SEED = flags.DEFINE_integer("seed", 0, "Seed for generating the corpus.", lower_bound=0)


def main(argv: Sequence[str]) -> None:
    """Writes the three splits and prints a line for each file.

    Args:
      argv: not used; absl has parsed the flags.
    """
    del argv
    sizes = {split: flag.value for split, flag in _SIZES.items()}
    with writing_in(Path(_OUT.value)):
        for split, sentences in generate_splits(sizes, _SEED.value).items():
            path = Path(_OUT.value) / f"{split}.jsonl"
            write_jsonl(path, sentences)
            print(f"{path}: {len(sentences)} sentences")


if __name__ == "__main__":
    run_main(main)

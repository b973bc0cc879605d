"""Writes the generated corpus, which needs no download; see generated_corpus.py.

    python -m data_prep.generated --out=data/generated

The same seed gives the same bytes.
"""

from collections.abc import Sequence
from pathlib import Path

from absl import flags

from cman_jax.app.program import run_main
from cman_jax.data.corpus import write_jsonl
from data_prep.generated.corpus import SIZES, generate_splits

_OUT = flags.DEFINE_string("out", None, "Directory for train.jsonl, dev.jsonl and test.jsonl.", required=True)
_SIZES = {
    split: flags.DEFINE_integer(f"num_{split}", number, f"Sentences in {split}.jsonl.", lower_bound=1)
    for split, number in SIZES.items()
}
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the corpus.", lower_bound=0)


def main(argv: Sequence[str]) -> None:
    """Writes the three splits."""
    del argv
    sizes = {split: flag.value for split, flag in _SIZES.items()}
    for split, sentences in generate_splits(sizes, _SEED.value).items():
        path = Path(_OUT.value) / f"{split}.jsonl"
        write_jsonl(path, sentences)
        print(f"{path}: {len(sentences)} sentences")


if __name__ == "__main__":
    run_main(main)

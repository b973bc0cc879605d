"""A tour in a few minutes: a corpus, a trained CMAN, its scores, and triples from sentences.

    make quickstart

Writes a generated corpus to WORKDIR/data, trains on it, calibrates the probabilities on dev, prints the
scores on test, and three sentences with their extracted entities and relations. Run again, it resumes
training, or only prints the results again.
"""

from collections.abc import Sequence
from pathlib import Path

from absl import flags

from cman_jax.app.program import run_main
from cman_jax.app.runtime import start_jax
from cman_jax.app.scoring import evaluate
from cman_jax.app.tuning import calibrate
from cman_jax.configs.generated import get_config
from cman_jax.data.corpus import load_splits, write_jsonl
from cman_jax.inference.extractor import Extractor
from cman_jax.inference.show import format_example
from cman_jax.training.loop import train
from cman_jax.training.progress import ConsoleProgress
from data_prep.generated.corpus import generate_splits

_WORKDIR = flags.DEFINE_string(
    "workdir", "runs/quickstart", "Folder for the corpus, the model and the results."
)


def main(argv: Sequence[str]) -> None:
    """Generates, trains, calibrates, scores and extracts."""
    del argv
    start_jax()
    workdir = Path(_WORKDIR.value)
    for split, sentences in generate_splits().items():
        write_jsonl(workdir / "data" / f"{split}.jsonl", sentences)
    splits = load_splits(workdir / "data")
    sizes = ", ".join(f"{len(sentences)} {split}" for split, sentences in splits.items())
    print(f"generated corpus: {sizes} sentences in {workdir / 'data'}", flush=True)
    train(get_config(), splits, workdir, progress=ConsoleProgress())
    calibrate(workdir, splits["dev"])
    evaluate(workdir, {"test": splits["test"]})
    _show_examples(workdir, splits["test"])


def _show_examples(workdir: Path, sentences: Sequence) -> None:
    """Prints three sentences that were not trained on, each with several relations."""
    rich = [sentence for sentence in sentences if len(sentence.relations) >= 2 and len(sentence.tokens) < 30]
    print("\nthree sentences of the test split:")
    for sentence, annotation in zip(rich[:3], Extractor.load(workdir).annotate(rich[:3]), strict=True):
        print(f"\n{format_example(sentence.tokens, annotation)}")
    print(f"\neverything is in {workdir}; on text of your own:")
    print("  echo 'Jane Roe works for Acme Corp. in Boston.' | \\")
    print(f"    .venv/bin/cman extract --workdir={workdir}")


if __name__ == "__main__":
    run_main(main)

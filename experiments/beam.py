"""Measures extraction by Apache Beam beside `cman extract`: the same records, a poisoned text, and the speed.

    python -m experiments.beam --workdir=runs/quickstart --out=docs/results/beam.json

The texts are generated sentences. One more line in the input of Beam has no text, and must be the only
failure. Each command runs in a process of its own, first on 1,024 sentences: that fills the cache of compiled
programs and shows what starting takes. The speed is that of the other sentences. Records are equal if only
probabilities differ, by 2e-6 at most: which sentences share a batch can change their last digit. Needs the
extra `beam`.
"""

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from absl import flags

from cman_jax.app.program import run_main
from cman_jax.errors import InputError
from cman_jax.files import json_text, write_atomically, write_json
from cman_jax.inference.chunks import CHUNK
from data_prep.generated.corpus import generate
from experiments.sentences import running_text

_WAYS = {
    "cman extract": (),
    "DirectRunner, 1 worker": ("--runner=DirectRunner",),
    "DirectRunner, 2 workers": (
        "--runner=DirectRunner",
        "--runner_options=--direct_running_mode=multi_processing --direct_num_workers=2",
    ),
}
_TOLERANCE = 2e-6
_POISON = {"id": "poison", "txt": "A key that no text has."}


def records_in(paths: Iterable[Path]) -> dict[str, dict[str, Any]]:
    """Returns the records of files of JSON lines, by their ids."""
    return {record["id"]: record for record in values_in(paths)}


def values_in(paths: Iterable[Path]) -> list[Any]:
    """Returns the values of files of JSON lines."""
    return [json.loads(line) for path in paths for line in path.read_text(encoding="utf-8").splitlines()]


def is_equal(one: Any, other: Any) -> bool:
    """Returns whether two records differ in nothing but the last digit of probabilities."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(is_equal(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_equal, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= _TOLERANCE
    return type(one) is type(other) and one == other


def compare(expected: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, int]:
    """Returns how many records there are, and how many of them are equal to the expected or identical."""
    both = expected.keys() & found.keys()
    return {
        "records": len(found),
        "equal": sum(is_equal(expected[name], found[name]) for name in both),
        "identical": sum(expected[name] == found[name] for name in both),
    }


def seconds_of(workdir: str, source: Path, output: Path, options: Sequence[str]) -> float:
    """Returns the seconds that an extraction takes from its start to its end.

    Raises:
      InputError: the command has failed.
    """
    command = [sys.executable, "-m", "cman_jax.app", "extract", f"--workdir={workdir}", *options]
    start = time.perf_counter()
    done = subprocess.run(
        [*command, f"--input={source}", f"--output={output}"], capture_output=True, text=True
    )
    if done.returncode:
        raise InputError("cman extract", None, done.stderr.strip()[-500:], "an extraction that ends well")
    return time.perf_counter() - start


def measure(workdir: str, texts: Sequence[str], folder: Path) -> dict[str, Any]:
    """Returns the figures of every way.

    Args:
      workdir: the run.
      texts: lines of JSON, more than a chunk of them.
      folder: an empty folder.
    """
    figures: dict[str, Any] = {}
    expected: dict[str, Any] = {}
    for number, (way, options) in enumerate(_WAYS.items()):
        seconds = []
        for size in (CHUNK, len(texts)):
            poison = [json_text(_POISON)] if options else []
            lines = [*texts[: size // 2], *poison, *texts[size // 2 : size]]
            source, output = folder / f"in_{number}_{size}.jsonl", folder / f"out_{number}_{size}.jsonl"
            write_atomically(source, "".join(f"{line}\n" for line in lines).encode())
            seconds.append(seconds_of(workdir, source, output, options))
        stem = output.stem
        found = records_in(folder.glob(f"{stem}-*.jsonl") if options else [output])
        expected = expected or found
        speed = (len(texts) - CHUNK) / (seconds[1] - seconds[0])
        figures[way] = {
            **compare(expected, found),
            "failures": values_in(folder.glob(f"{stem}.failed-*")),
            "seconds": [round(each, 1) for each in seconds],
            "sentences_per_second": round(speed, 1),
        }
        print(way, json_text(figures[way]), flush=True)
    return figures


def main(argv: Sequence[str]) -> None:
    """Measures as the flags say."""
    del argv
    f = flags.FLAGS
    sentences = generate(f.sentences, "test", seed=7)
    texts = [json_text({"id": each.id, "text": running_text(each.tokens)}) for each in sentences]
    with TemporaryDirectory() as folder:
        figures = measure(f.workdir, texts, Path(folder))
    about = {"sentences": len(texts), "cores": os.cpu_count(), "machine": platform.machine()}
    about |= {name: version(name) for name in ("apache-beam", "jax")}
    if f.out:
        write_json(Path(f.out), {**about, "ways": figures})


if __name__ == "__main__":
    flags.DEFINE_string("workdir", "runs/quickstart", "Folder of a training run.")
    flags.DEFINE_integer("sentences", 20_000, "Number of sentences.", lower_bound=2 * CHUNK)
    flags.DEFINE_string("out", None, "JSON file of the figures; without one they are only printed.")
    run_main(main)

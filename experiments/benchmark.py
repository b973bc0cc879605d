"""Times this library against PyTorch, in turns, on the same batches and from the same parameters.

python -m experiments.benchmark --what=train_step,inference --frameworks=jax,torch --out=speed.json
"""

import datetime
import importlib.util
import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import jax
from absl import flags, logging

from cman_jax.app.flags import define_config, refuse_unread
from cman_jax.app.program import run_main
from cman_jax.config import to_dict, validate
from cman_jax.data.corpus import write_jsonl
from cman_jax.errors import InputError
from cman_jax.files import write_json
from data_prep.generated.corpus import generate_splits
from experiments.benchmarking import measures, report
from experiments.benchmarking.harness import Bench
from experiments.benchmarking.plot import plot_steps
from experiments.benchmarking.settings import (
    FRAMEWORKS,
    MEASURES,
    PRECISIONS,
    Settings,
    choices,
    is_jax,
    numbers,
)
from experiments.benchmarking.workload import share

_CONFIG = define_config()
_WHAT = flags.DEFINE_list("what", ["train_step"], f"What is measured, of {', '.join(MEASURES)}.")
_FRAMEWORKS = flags.DEFINE_list(
    "frameworks", ["jax", "torch"], f"What it is measured in, of {', '.join(FRAMEWORKS)}."
)
_BATCH_SIZE = flags.DEFINE_list(
    "batch_size", ["8", "16", "32"], "Sentences per step; epochs use the config's."
)
_LENGTH = flags.DEFINE_list("length", ["32", "64", "96"], "Tokens per sentence; epochs use the corpus' own.")
_PRECISION = flags.DEFINE_enum("precision", "float32", PRECISIONS, "Of matrix products.")
_POPULATION = flags.DEFINE_integer(
    "population",
    1,
    "Networks that jax trains side by side, jax_alone one; train_step, compile, memory.",
    lower_bound=1,
)
_REPETITIONS = flags.DEFINE_integer("repetitions", 10, "Measurements of each case.", lower_bound=1)
_EPOCHS = flags.DEFINE_integer("epochs", 5, "Epochs of a whole run.", lower_bound=1)
_DISTINCT = flags.DEFINE_bool(
    "distinct_words", False, "PyTorch too encodes characters once per distinct word of a batch."
)
_DATA = flags.DEFINE_string(
    "data", None, "Folder with train.jsonl and dev.jsonl; default: a generated corpus."
)
_VECTORS = flags.DEFINE_string("vectors", None, "Word vectors, as for experiments.train.")
_CORES = flags.DEFINE_integer("cores", 0, "Use the first so many cores; 0 = all.", lower_bound=0)
_OUT = flags.DEFINE_string("out", None, "File for all results, as JSON; plots go beside it.")


_FLAGS = (
    *("what", "frameworks", "batch_size", "length", "precision", "population", "repetitions", "epochs"),
    *("distinct_words", "data", "vectors", "cores"),
)


def main(argv: Sequence[str]) -> None:
    """Measures as the flags say; writes what it has after every measure."""
    del argv
    if not flags.FLAGS["verbosity"].present:
        logging.set_verbosity(logging.ERROR)
    whats = choices("what", _WHAT.value, MEASURES)
    frameworks = choices("frameworks", _FRAMEWORKS.value, FRAMEWORKS)
    grid = numbers("batch_size", _BATCH_SIZE.value), numbers("length", _LENGTH.value)
    _refuse_unread(whats, frameworks)
    _check(whats, frameworks)
    cores = _use_cores(_CORES.value)
    # This process only prepares: the accelerator is the workers'.
    jax.config.update("jax_platforms", "cpu")
    chosen = {name: flags.FLAGS[name].value for name in _FLAGS} | {"cores_used": cores}
    with tempfile.TemporaryDirectory() as shared:
        bench = Bench(_settings(Path(shared), cores), frameworks, _REPETITIONS.value)
        share(bench.settings)
        results = {
            "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "machine": report.machine(),
            "flags": chosen,
            "config": bench.settings.config_values,
        }
        for what in whats:
            print(report.title(what, chosen), flush=True)
            results[what] = _measure(what, bench, *grid)
            if _OUT.value:
                write_json(Path(_OUT.value), results)


def _measure(what: str, bench: Bench, batch_sizes: Sequence[int], lengths: Sequence[int]) -> Any:
    """One measure, printed row by row."""
    match what:
        case "epoch":
            result = measures.whole_runs(bench, _EPOCHS.value)
            print(report.epoch_lines(result), flush=True)
            return result
        case "compile":
            return _printed(measures.compile_times(bench, batch_sizes, lengths), report.compile_line)
        case "memory":
            return _printed(measures.memory_peaks(bench, batch_sizes, lengths), report.memory_line)
    first, *rows = _printed(measures.step_times(bench, what, batch_sizes, lengths), report.step_lines)
    overall = measures.overall_ratios(rows)
    if overall:
        print(report.overall_line(overall), flush=True)
    if _OUT.value:
        out = Path(_OUT.value)
        print(plot_steps(rows, what, out.with_name(f"{out.stem}_{what}.png")), flush=True)
    return {**first, "rows": rows, "geometric_mean": overall}


def _printed(rows: Iterable[dict[str, Any]], line: Any) -> list[dict[str, Any]]:
    kept = []
    for row in rows:
        print(line(row), flush=True)
        kept.append(row)
    return kept


def _settings(shared: Path, cores: int) -> Settings:
    """What the workers need; the corpus is written if none is given."""
    data = Path(_DATA.value) if _DATA.value else shared / "data"
    if not _DATA.value:
        for split, sentences in generate_splits().items():
            write_jsonl(data / f"{split}.jsonl", sentences)
    config = _CONFIG.value
    config.training.num_epochs = _EPOCHS.value
    try:
        validate(config)
    except ValueError as error:
        raise InputError("flags", None, str(error), "settings that fit together") from error
    return Settings(
        config_values=to_dict(config),
        data=str(data),
        vectors=_VECTORS.value,
        shared=str(shared),
        precision=_PRECISION.value,
        population=_POPULATION.value,
        distinct_words=_DISTINCT.value,
        num_threads=cores,
    )


def _refuse_unread(whats: Sequence[str], frameworks: Sequence[str]) -> None:
    """Refuses flags that none of the measures reads."""
    if set(whats) == {"epoch"}:
        refuse_unread(["batch_size", "length"], "--what with another measure than epoch")
    if not {"train_step", "inference"} & set(whats):
        refuse_unread(["repetitions"], "--what with train_step or inference")
    if "epoch" not in whats:
        refuse_unread(["epochs"], "--what with epoch")
    if all(map(is_jax, frameworks)):
        refuse_unread(["distinct_words"], "PyTorch among --frameworks: JAX always encodes them so")
    refuse_unread(["config.training.num_epochs"], "--epochs in its place")


def _check(whats: Sequence[str], frameworks: Sequence[str]) -> None:
    """Refuses what cannot be measured together."""
    if not all(map(is_jax, frameworks)) and importlib.util.find_spec("torch") is None:
        found = f"frameworks = {','.join(frameworks)} without PyTorch installed"
        raise InputError("flags", None, found, "pip install 'cman-jax[torch]', or --frameworks=jax")
    alone = [what for what in whats if what in ("inference", "epoch")]
    if _POPULATION.value > 1 and (alone or "jax" not in frameworks):
        found = f"population = {_POPULATION.value} with {', '.join(alone) or 'PyTorch alone'}"
        raise InputError("flags", None, found, "train_step, compile or memory, with jax among the frameworks")


def _use_cores(count: int) -> int:
    """Restricts this process, and so its workers, to its first cores. Returns how many it has."""
    if not hasattr(os, "sched_setaffinity"):
        if count:
            raise InputError("flags", None, f"cores = {count}", "0, as this system has no CPU affinity")
        return os.cpu_count() or 1
    there = sorted(os.sched_getaffinity(0))
    if count > len(there):
        raise InputError("flags", None, f"cores = {count}", f"at most {len(there)}, which are there")
    os.sched_setaffinity(0, there[:count] if count else there)
    return count or len(there)


if __name__ == "__main__":
    run_main(main)

"""The benchmark: times this library and PyTorch in turns, on the same batches and from the same parameters.

python -m experiments.benchmark --what=train_step,inference --frameworks=jax,torch --out=speed.json
python -m experiments.benchmark --suite=gpu --out=runs/gpu

A suite answers all questions about one kind of machine, the most important first, within --minutes. Called
again with the same folder, it continues. --batch_size, --length, --repetitions and other flags that are given
replace those of its parts.
"""

import datetime
import importlib.util
import os
import re
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import jax
from absl import flags, logging

from cman_jax.app.flags import define_config, refuse_unread
from cman_jax.app.program import run_main
from cman_jax.config import to_dict
from cman_jax.config_checks import validate
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
from experiments.benchmarking.suite import SUITES, run_suite
from experiments.benchmarking.workload import share

_CONFIG = define_config()
_WHAT = flags.DEFINE_list(
    "what", ["train_step"], f"The measures, separated by commas: any of {', '.join(MEASURES)}."
)
_FRAMEWORKS = flags.DEFINE_list(
    "frameworks",
    ["jax", "torch"],
    f"The frameworks, separated by commas: any of {', '.join(FRAMEWORKS)}. In jax_devices, the CPU is one "
    "device for each core, and these share a batch.",
)
_BATCH_SIZE = flags.DEFINE_list(
    "batch_size",
    ["8", "16", "32"],
    "Numbers of sentences per step, separated by commas. The measure epoch uses the config's batch size.",
)
_LENGTH = flags.DEFINE_list(
    "length",
    ["32", "64", "96"],
    "Numbers of tokens per sentence, separated by commas. The measure epoch uses the corpus' sentences.",
)
_PRECISION = flags.DEFINE_enum("precision", "float32", PRECISIONS, "Precision of matrix products.")
_POPULATION = flags.DEFINE_integer(
    "population",
    1,
    "Number of networks that jax trains side by side in one program; jax_alone trains one. "
    "For the measures train_step, compile and memory.",
    lower_bound=1,
)
_REPETITIONS = flags.DEFINE_integer(
    "repetitions",
    10,
    "Number of measurements of each step and framework, or of steps in the trace of operations.",
    lower_bound=1,
)
_EPOCHS = flags.DEFINE_integer("epochs", 5, "Number of epochs for the measure epoch.", lower_bound=1)
_DISTINCT = flags.DEFINE_bool(
    "distinct_words",
    False,
    "Let PyTorch encode the characters once per distinct word of a batch, as JAX always does.",
)
_DATA = flags.DEFINE_string(
    "data", None, "Folder with train.jsonl and dev.jsonl. By default the benchmark generates a corpus."
)
_VECTORS = flags.DEFINE_string(
    "vectors", None, "File of word vectors, in a format that experiments.train reads."
)
_SUITE = flags.DEFINE_enum(
    "suite", None, list(SUITES), "Run all benchmarks for this kind of machine into the folder --out."
)
_MINUTES = flags.DEFINE_float(
    "minutes", None, "How long the suite may take. By default 9 for gpu, 15 for cpu.", lower_bound=0.0
)
_CORES = flags.DEFINE_integer(
    "cores", 0, "Number of CPU cores to use, counted from the first; 0 uses all cores.", lower_bound=0
)
_OUT = flags.DEFINE_string(
    "out", None, "JSON file for all results, with plots next to it; the folder of a suite's files."
)


_FLAGS = (
    *("what", "frameworks", "batch_size", "length", "precision", "population", "repetitions", "epochs"),
    *("distinct_words", "data", "vectors", "cores"),
)
_OF_ALL = ("data", "vectors", "cores")
"""The flags that a suite gives to each of its benchmarks."""


def main(argv: Sequence[str]) -> None:
    """Runs the measures that the flags select and writes all results so far after each measure.

    Args:
      argv: not used; absl has parsed the flags.
    """
    del argv
    if not flags.FLAGS["verbosity"].present:
        logging.set_verbosity(logging.ERROR)
    if _SUITE.value:
        _run_suite()
        return
    refuse_unread(["minutes"], "--suite")
    whats = choices("what", _WHAT.value, MEASURES)
    frameworks = choices("frameworks", _FRAMEWORKS.value, FRAMEWORKS)
    grid = numbers("batch_size", _BATCH_SIZE.value), numbers("length", _LENGTH.value)
    _refuse_unread(whats, frameworks)
    _check(whats, frameworks)
    cores = _use_cores(_CORES.value)
    # This process only prepares the workload and leaves the accelerator to the workers.
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


def _run_suite() -> None:
    """Runs the suite of the flags."""
    if not _OUT.value:
        raise InputError("flags", None, f"--suite={_SUITE.value} without --out", "a folder for its files")
    minutes = SUITES[_SUITE.value][0] if _MINUTES.value is None else _MINUTES.value
    present = {name: flags.FLAGS[name] for name in _FLAGS if flags.FLAGS[name].present}
    given = {name: flag.serialize().partition("=")[2] for name, flag in present.items()}
    settings = [argument for argument in sys.argv[1:] if re.match("--?(no)?config[.=]", argument)]
    everywhere = [f"--{name}={given[name]}" for name in _OF_ALL if name in given]
    run_suite(_SUITE.value, Path(_OUT.value), minutes, given, [*everywhere, *settings])


def _measure(what: str, bench: Bench, batch_sizes: Sequence[int], lengths: Sequence[int]) -> Any:
    """Runs one measure, prints its rows as they arrive, and returns its results."""
    match what:
        case "epoch":
            result = measures.whole_runs(bench, _EPOCHS.value)
            print(report.epoch_lines(result), flush=True)
            return result
        case "compile":
            return _printed(measures.compile_times(bench, batch_sizes, lengths), report.compile_line)
        case "operations":
            return _printed(measures.operation_times(bench, batch_sizes, lengths), report.operation_lines)
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
    """Prints every row as it arrives, formatted by `line`, and returns all rows."""
    kept = []
    for row in rows:
        print(line(row), flush=True)
        kept.append(row)
    return kept


def _settings(shared: Path, cores: int) -> Settings:
    """Returns the settings for the workers; without --data, writes a generated corpus into `shared`."""
    data = Path(_DATA.value) if _DATA.value else shared / "data"
    if not _DATA.value:
        for split, sentences in generate_splits().items():
            write_jsonl(data / f"{split}.jsonl", sentences)
    config = _CONFIG.value
    config.training.num_epochs = _EPOCHS.value
    validate(config)
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
    """Raises InputError for a flag that none of the selected measures and frameworks reads."""
    if set(whats) == {"epoch"}:
        refuse_unread(["batch_size", "length"], "--what with a measure other than epoch")
    if not {"train_step", "inference", "operations"} & set(whats):
        refuse_unread(["repetitions"], "--what with train_step, inference or operations")
    if "epoch" not in whats:
        refuse_unread(["epochs"], "--what with epoch")
    if all(map(is_jax, frameworks)):
        refuse_unread(["distinct_words"], "torch in --frameworks; JAX always encodes each distinct word once")
    refuse_unread(["config.training.num_epochs"], "--epochs instead")


def _check(whats: Sequence[str], frameworks: Sequence[str]) -> None:
    """Raises InputError if PyTorch is missing, or measures, frameworks and --population do not fit."""
    if not all(map(is_jax, frameworks)) and importlib.util.find_spec("torch") is None:
        found = f"frameworks = {','.join(frameworks)} without PyTorch installed"
        expected = "PyTorch (pip install 'cman-jax[torch]'), or --frameworks=jax"
        raise InputError("flags", None, found, expected)
    if "jax_devices" in frameworks and "inference" in whats:
        expected = "only train_step, compile, memory and epoch; one device computes a prediction"
        raise InputError("flags", None, "jax_devices with --what=inference", expected)
    if "operations" in whats and not set(frameworks) <= {"jax", "jax_float32"}:
        found = f"--what=operations with --frameworks={','.join(frameworks)}"
        raise InputError("flags", None, found, "--frameworks=jax or jax,jax_float32")
    single = [what for what in whats if what in ("inference", "epoch", "operations")]
    if _POPULATION.value > 1 and (single or "jax" not in frameworks):
        reason = f"--what={','.join(single)}" if single else f"--frameworks={','.join(frameworks)}"
        found = f"population = {_POPULATION.value} with {reason}"
        expected = "a population of 1, or only train_step, compile and memory with jax among the frameworks"
        raise InputError("flags", None, found, expected)


def _use_cores(count: int) -> int:
    """Restricts this process and its workers to the first `count` cores (0: all) and returns their number."""
    if not hasattr(os, "sched_setaffinity"):
        if count:
            expected = "0, because this system does not support CPU affinity"
            raise InputError("flags", None, f"cores = {count}", expected)
        return os.cpu_count() or 1
    available = sorted(os.sched_getaffinity(0))
    if count > len(available):
        expected = f"at most {len(available)}, the number of available cores"
        raise InputError("flags", None, f"cores = {count}", expected)
    os.sched_setaffinity(0, available[:count] if count else available)
    return count or len(available)


if __name__ == "__main__":
    run_main(main)

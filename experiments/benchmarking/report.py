"""The results as lines of text, and the description of the machine."""

import os
import platform
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from cman_jax.compilation import num_cores

_MIB = 2**20


def machine() -> dict[str, Any]:
    """Returns the host's hardware, its system and the packages' versions.

    The workers describe their devices themselves.
    """
    packages = ("jax", "jaxlib", "flax", "optax", "numpy", "torch")
    return {
        "cpu": _first_field("/proc/cpuinfo", "model name") or platform.processor(),
        "cores": os.cpu_count(),
        "cores_used": num_cores(),
        "memory": _first_field("/proc/meminfo", "MemTotal"),
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: version for name in packages if (version := _version(name))},
    }


def step_lines(row: Mapping[str, Any]) -> str:
    """Formats a row of `measures.step_times`; a time is "median [minimum, maximum]".

    Args:
      row: the row for the ceiling, or for one batch size and length.
    """
    if "ceiling" in row:
        speeds = (
            f"{name} {result['flops_per_second'] / 1e9:.1f} GFLOP/s"
            for name, result in row["ceiling"].items()
        )
        return f"ceiling (the product of two square matrices): {', '.join(speeds)}"
    cells = []
    for name, result in row["frameworks"].items():
        cell = f"{name} {_milliseconds(result)} {result['sentences_per_second']:.0f} sent/s"
        if "fraction_of_ceiling" in result:
            cell += f" {100 * result['fraction_of_ceiling']:.0f} % of ceiling"
        cells.append(cell)
    cells += [
        f"{name}/jax {ratio['median']:.2f} [{ratio['min']:.2f}, {ratio['max']:.2f}]"
        for name, ratio in row["ratios"].items()
    ]
    return _shape(row) + "  |  ".join(cells)


def overall_line(ratios: Mapping[str, float]) -> str:
    """Formats the result of `measures.overall_ratios`.

    Args:
      ratios: the overall ratio to JAX, by framework.
    """
    return "geometric mean  " + ", ".join(f"{name}/jax {ratio:.2f}" for name, ratio in ratios.items())


def compile_line(row: Mapping[str, Any]) -> str:
    """Formats a row of `measures.compile_times`.

    Args:
      row: the row for one batch size and length.
    """
    cells = []
    for name, starts in row["frameworks"].items():
        times = ", ".join(f"{start} {times['compile_seconds']:.1f} s" for start, times in starts.items())
        cells.append(f"{name} {times}")
    return _shape(row) + "  |  ".join(cells)


def memory_line(row: Mapping[str, Any]) -> str:
    """Formats a row of `measures.memory_peaks`.

    Args:
      row: the row for one batch size and length.
    """
    cells = []
    for name, result in row["frameworks"].items():
        cell = f"{name} peak {result['peak'] / _MIB:.0f} MiB (+{result['increase'] / _MIB:.0f})"
        if result["device_peak"] is not None:
            cell += f", device {result['device_peak'] / _MIB:.0f} MiB"
        cells.append(cell)
    return _shape(row) + "  |  ".join(cells)


def operation_lines(row: Mapping[str, Any]) -> str:
    """Formats a row of `measures.operation_times`: milliseconds, and their share of the step in brackets.

    Args:
      row: the row for one batch size and length.
    """
    lines = []
    for name, times in row["frameworks"].items():
        total = sum(times.values())
        cells = (f"{kind} {ms:.1f} ({100 * ms / total:.0f} %)" for kind, ms in times.items())
        lines.append(f"{_shape(row)}{name} {total:.0f} ms: {', '.join(cells)}")
    return "\n".join(lines)


def epoch_lines(result: Mapping[str, Any]) -> str:
    """Formats the result of `measures.whole_runs`.

    Args:
      result: the runs of all frameworks and their ratios to JAX.
    """
    lines = []
    for name, run in result["frameworks"].items():
        epochs = " ".join(f"{seconds:.1f}" for seconds in run["epoch_seconds"])
        dev = ", ".join(f"{task.upper()} {f1:.2f}" for task, f1 in run["dev"][-1].items())
        lines.append(
            f"{name:<16} start-up {run['startup_seconds']:.1f} s, epochs {epochs} s, "
            f"total {run['total_seconds']:.1f} s; dev {dev} (imports, not in the total: "
            f"{run['import_seconds']:.1f} s)"
        )
    for name, ratio in result["ratios"].items():
        epochs = ratio["epochs"]
        lines.append(
            f"{name}/jax total {ratio['total']:.2f}, epochs {epochs['median']:.2f} "
            f"[{epochs['min']:.2f}, {epochs['max']:.2f}]"
        )
    return "\n".join(lines)


def title(what: str, flags: Mapping[str, Any]) -> str:
    """Returns the heading of one measure's results.

    Args:
      what: the measure.
      flags: the values of the benchmark's flags, and "cores_used".
    """
    details = f"{flags['precision']}, {flags['cores_used']} cores"
    if what in ("train_step", "inference"):
        details += f", median [min, max] of {flags['repetitions']}"
    return f"\n{what} ({details})"


def _shape(row: Mapping[str, Any]) -> str:
    """Formats a row's batch size B and its sentence length n."""
    return f"B {row['batch_size']:>3}  n {row['length']:>3}  "


def _milliseconds(result: Mapping[str, float]) -> str:
    """Formats a summary of seconds as milliseconds: "median ms [minimum, maximum]"."""
    median, minimum, maximum = (f"{1e3 * result[name]:.4g}" for name in ("median", "min", "max"))
    return f"{median} ms [{minimum}, {maximum}]"


def _first_field(path: str, name: str) -> str | None:
    """Returns the value after `name ... :` in a kernel's file, or None if the file or the line is missing."""
    if not Path(path).is_file():
        return None
    lines: Sequence[str] = Path(path).read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), None)


def _version(package: str) -> str | None:
    """Returns the package's version, or None where the package is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None

"""What a training took: speed, compilation and memory, in one line."""

from typing import Any

import jax

from cman_jax.memory import peak_memory
from cman_jax.training.progress import Progress
from cman_jax.types import Params

_GIB = 2**30


class Totals(Progress):
    """A display that shows nothing, and adds up what the epochs of this process took."""

    def __init__(self) -> None:
        self._sentences = self._seconds = self._compiling = 0.0

    def end_epoch(self, *runs: list[dict[str, Any]]) -> None:
        """Adds an epoch."""
        rows = [run[-1] for run in runs]
        self._sentences += sum(row["sentences_per_second"] * row["seconds"] for row in rows)
        self._seconds += rows[0]["seconds"]
        self._compiling += rows[0].get("compiling_seconds", 0.0)

    def line(self, params: Params, num_devices: int) -> str:
        """Returns the line: parameters, speed without compilation, compilation, peak memory, devices.

        Args:
          params: the parameters of one run, or their shapes.
          num_devices: number of devices that took part.
        """
        number = sum(leaf.size for leaf in jax.tree.leaves(params))
        parts = [f"{number / 1e6:.2f} million parameters"]
        if seconds := self._seconds - self._compiling:
            parts.append(f"{self._sentences / seconds:.0f} sentences/s")
            parts.append(f"{self._compiling:.0f} s waiting for the compiler")
        if peak := peak_memory():
            parts.append(f"peak memory {peak / _GIB:.2f} GiB")
        if peak := _peak_of_devices():
            parts.append(f"of a device {peak / _GIB:.2f} GiB")
        return f"{', '.join(parts)}; {num_devices} x {jax.local_devices()[0].device_kind}"


def _peak_of_devices() -> int:
    """Returns the most memory of one device that was used, in bytes; 0: unknown, as for CPUs."""
    found = [device.memory_stats() or {} for device in jax.local_devices()]
    return max(stats.get("peak_bytes_in_use", 0) for stats in found)

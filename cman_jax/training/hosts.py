"""The hosts that train one run together, each with a process of its own, which knows the others by this file.

All hosts do the same at the same time. Only the first one writes files, predicts dev and prints. A host that
cannot continue ends, and then no other host can continue either: see `HostLost`.
"""

import re
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from orbax.checkpoint import multihost

from cman_jax.errors import InputError

_LAG = 4
"""The number of answers that may wait for the devices, as many as steps; see `history.AHEAD`."""
_WEEK = 7 * 24 * 3600.0
_LOST = re.compile(r"gloo|nccl|barrier|coordination|heartbeat|connection (closed|reset)|socket closed", re.I)


class HostLost(Exception):
    """The end of a training because another host has ended, or cannot be reached any more."""

    def __init__(self) -> None:
        super().__init__(
            "another host has ended or cannot be reached; see its messages, then start the command again "
            "on every host to resume"
        )


class Hosts:
    """One host that trains without others, and the base class of several.

    Attributes:
      first: whether this host writes files, predicts dev and prints.
    """

    first = True

    def wait(self) -> None:
        """Waits until all hosts are here.

        Raises:
          HostLost: another host has ended.
        """

    def end(self, seconds: float = _WEEK) -> None:
        """Waits until all hosts end, whether they are done or have failed.

        Args:
          seconds: how long at most.

        Raises:
          HostLost: another host has ended before, or does not end in time.
        """

    @contextmanager
    def in_turn(self) -> Iterator[None]:
        """Lets the first host run the `with` block before all others."""
        yield

    def agree(self, value: int) -> int:
        """Returns the largest value of all hosts, which must call this at the same place."""
        return value

    def agree_soon(self, value: int) -> int:
        """Returns the largest value of all hosts some calls ago, so that no host waits for the devices.

        `agree` forgets what has not been returned.
        """
        return value

    @contextmanager
    def noticing_lost(self) -> Iterator[None]:
        """Raises a HostLost when the `with` block raises an error because another host has ended."""
        yield

    def refuse_differences(self, value: int, folder: Path, what: str) -> None:
        """Raises an InputError if the hosts have different values.

        Args:
          value: the number that this host found.
          folder: where it was found.
          what: what the number is, for the error message.
        """
        largest, smallest = self.agree(value), -self.agree(-value)
        if largest != smallest:
            found = f"{what} {value} on this host, and from {smallest} to {largest} on all hosts"
            raise InputError(folder, None, found, "one folder that all hosts share")


ALONE = Hosts()


class SeveralHosts(Hosts):
    """The hosts that `jax.distributed.initialize` has connected."""

    def __init__(self) -> None:
        self.first = jax.process_index() == 0
        self._barrier, self._names = multihost.get_barrier_sync_fn(), count()
        self._waiting: deque[jax.Array] = deque()
        devices = [_first_device(k) for k in range(jax.process_count())]
        mesh = Mesh(np.array(devices), ("hosts",))
        self._each, self._all = (NamedSharding(mesh, PartitionSpec(*axes)) for axes in (("hosts",), ()))
        self._largest = jax.jit(lambda values: values.max(), out_shardings=self._all)

    def wait(self) -> None:
        """Waits until all hosts are here; the devices take no part."""
        self._meet(str(next(self._names)), _WEEK)

    def end(self, seconds: float = _WEEK) -> None:
        """Waits until all hosts end, whether they are done or have failed."""
        self._meet("end", seconds)  # another name, because a host that fails has not been everywhere

    def _meet(self, name: str, seconds: float) -> None:
        """Waits until all hosts wait under this name."""
        with self.noticing_lost():
            self._barrier(key=f"cman_jax_{name}", timeout_ms=int(1000 * seconds))

    @contextmanager
    def in_turn(self) -> Iterator[None]:
        """Lets the first host run the `with` block before all others, and waits for these at its end."""
        if not self.first:
            self.wait()
        yield
        if self.first:
            self.wait()
        self.wait()

    def agree(self, value: int) -> int:
        """Returns the largest value of all hosts."""
        self._waiting.clear()
        with self.noticing_lost():
            return int(self._ask(value))

    def agree_soon(self, value: int) -> int:
        """Returns the largest value of all hosts some calls ago; 0 at first."""
        with self.noticing_lost():
            self._waiting.append(self._ask(value))
            return int(self._waiting.popleft()) if len(self._waiting) > _LAG else 0

    @contextmanager
    def noticing_lost(self) -> Iterator[None]:
        """Raises a HostLost when the `with` block raises an error because another host has ended."""
        try:
            yield
        except (RuntimeError, ValueError) as error:
            if isinstance(error, InputError) or not _LOST.search(str(error)):
                raise
            raise HostLost from error

    def _ask(self, value: int) -> jax.Array:
        """Returns the largest value of all hosts, which the devices have yet to compute."""
        values = jax.make_array_from_process_local_data(self._each, np.array([value], np.int32))
        return self._largest(values)


def _first_device(process: int) -> jax.Device:
    """Returns the first device of a process."""
    return next(device for device in jax.devices() if device.process_index == process)

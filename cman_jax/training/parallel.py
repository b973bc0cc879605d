"""Devices: the training step under jit on one, under pmap on several. The only file that knows of them."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cman_jax.types import Batch, Constants

AXIS = "devices"


class ParallelStep:
    """A compiled training step over `num_devices` devices, each with its own part of every batch.

    The state lives where the step runs: bring it there with `place`, take it back with `fetch`. Between the
    two it is donated, that is, updated in its own memory.

    Args:
      step: `(state, constants, batch, key, *, axis_name) -> (state, metrics)`.
      constants: the network's untrained arrays; placed once.
      num_devices: how many local devices to use.

    Raises:
      ValueError: there are fewer devices.
    """

    def __init__(self, step: Callable, constants: Constants, num_devices: int):
        if num_devices > jax.local_device_count():
            raise ValueError(f"{num_devices} devices asked for, {jax.local_device_count()} there")
        self.num_devices = num_devices
        if num_devices == 1:
            self._step = jax.jit(step, donate_argnums=0)
        else:
            devices = jax.local_devices()[:num_devices]
            self._step = jax.pmap(
                lambda *arguments: step(*arguments, axis_name=AXIS),
                axis_name=AXIS,
                in_axes=(0, 0, 0, None),
                out_axes=(0, None),
                donate_argnums=0,
                devices=devices,
            )
        self._constants = self.place(constants)

    def place(self, tree: Any) -> Any:
        """A copy of the tree for every device."""
        if self.num_devices == 1:
            return jax.tree.map(jnp.array, tree)
        return jax.tree.map(lambda x: jnp.stack([x] * self.num_devices), tree)

    def fetch(self, tree: Any) -> Any:
        """One device's copy; all are equal."""
        return tree if self.num_devices == 1 else jax.tree.map(lambda x: x[0], tree)

    def __call__(self, state: Any, shards: Sequence[Batch], key: jax.Array) -> tuple[Any, Any]:
        """One step on a batch given as one shard per device, all of the same shape."""
        if self.num_devices == 1:
            (batch,) = shards
        else:
            batch = jax.tree.map(lambda *parts: np.stack(parts), *shards)
        return self._step(state, self._constants, batch, key)

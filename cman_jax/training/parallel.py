"""The devices of a training: several share the batches of one run, or the runs of a population.

No other file of the library distributes work over devices.

Both steps are used in the same way: `state = place([TrainState, ...])`, then any number of times `state,
metrics = step(state, batches)`, then `fetch(state)`. Between `place` and `fetch` the state is donated, that
is, updated in its own memory. `prepare(compiler, state, batches)` compiles the program of such a step
beforehand.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec
from jaxtyping import PRNGKeyArray

from cman_jax.compilation import Ahead, compiler_options
from cman_jax.types import Batch, Constants

AXIS = "devices"

Step = Callable[..., tuple[Any, Any]]
"""`(state, constants, batch, key, *, axis_name=None) -> (state, metrics)`."""


class ParallelStep:
    """A training step of one run, whose batches are dealt out to `num_devices` devices.

    Args:
      step: the pure step.
      constants: arrays that are not trained.
      key: the key of all random draws.
      num_devices: number of devices.

    Attributes:
      num_parts: number of parts that each batch must come in, all of one shape.

    Raises:
      ValueError: there are fewer devices.
    """

    def __init__(self, step: Step, constants: Constants, key: PRNGKeyArray, num_devices: int):
        devices = _devices(num_devices)
        self.num_parts = num_devices
        if num_devices == 1:
            self._step = Ahead(jax.jit(step, donate_argnums=0, compiler_options=compiler_options()))
        else:
            self._step = jax.pmap(
                lambda *arguments: step(*arguments, axis_name=AXIS),
                axis_name=AXIS,
                in_axes=(0, 0, 0, None),
                out_axes=(0, None),
                donate_argnums=0,
                devices=devices,
            )
        self._key = key
        self._constants = self.place([constants])

    def place(self, states: Sequence[Any]) -> Any:
        """Returns a copy of the one state for every device.

        The copy goes through main memory, so that a restored state is not bound to a device. JAX would
        compile the step again for arrays that are bound to a device.
        """
        state = jax.device_get(states[0])
        if self.num_parts == 1:
            return jax.tree.map(jnp.array, state)
        return jax.tree.map(lambda x: jnp.stack([x] * self.num_parts), state)

    def fetch(self, state: Any) -> list[Any]:
        """Returns the state of the run.

        All devices have equal copies; with several devices, one copy is moved to main memory.
        """
        return [state if self.num_parts == 1 else jax.device_get(jax.tree.map(lambda x: x[0], state))]

    def prepare(self, compiler: Executor, state: Any, batches: Sequence[Batch]) -> None:
        """Starts to compile the program for batches of these shapes.

        With several devices it does nothing: pmap would not find the program, and would compile it again.
        """
        if isinstance(self._step, Ahead):
            self._step.prepare(compiler, state, self._constants, batches[0], self._key)

    @property
    def seconds_compiling(self) -> float:
        """Returns how long steps have waited for the compiler; 0 with several devices (unknown there)."""
        return self._step.seconds_waited if isinstance(self._step, Ahead) else 0.0

    def __call__(self, state: Any, batches: Sequence[Batch]) -> tuple[Any, Any]:
        """Takes one step on a batch in `num_parts` parts; returns the new state and the metrics."""
        batch = batches[0] if self.num_parts == 1 else _stack(batches)
        return self._step(state, self._constants, batch, self._key)


class PopulationStep:
    """A training step of several runs at once, as one program; every device has its share of the runs.

    Args:
      step: the pure step of one run.
      constants: each run's arrays that are not trained.
      keys: each run's key of all random draws.
      num_devices: number of devices; divides the number of runs.

    Attributes:
      num_parts: 1. Each run's batch comes whole, and all batches have one shape. A run whose batch has no
        token takes no part in the step.

    Raises:
      ValueError: there are fewer devices.
    """

    num_parts = 1

    def __init__(
        self, step: Step, constants: Sequence[Constants], keys: Sequence[PRNGKeyArray], num_devices: int
    ):
        mesh = jax.sharding.Mesh(np.array(_devices(num_devices)), (AXIS,))
        members = PartitionSpec(AXIS)
        self._sharding = NamedSharding(mesh, members)
        each = jax.shard_map(jax.vmap(step), mesh=mesh, in_specs=members, out_specs=members, check_vma=False)
        self._step = Ahead(jax.jit(each, donate_argnums=0, compiler_options=compiler_options()))
        self._constants, self._keys = self.place(constants), self.place(keys)

    def place(self, states: Sequence[Any]) -> Any:
        """Returns the runs' states, stacked and dealt out to the devices."""
        stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *states)
        return jax.device_put(stacked, self._sharding)

    def fetch(self, state: Any) -> list[Any]:
        """Returns the state of each run, in main memory."""
        state = jax.device_get(state)
        return [jax.tree.map(lambda x, k=k: x[k], state) for k in range(self._keys.shape[0])]

    def prepare(self, compiler: Executor, state: Any, batches: Sequence[Batch]) -> None:
        """Starts to compile the program for batches of these shapes."""
        self._step.prepare(compiler, state, self._constants, _stack(batches), self._keys)

    @property
    def seconds_compiling(self) -> float:
        """Returns how long steps have waited for the compiler."""
        return self._step.seconds_waited

    def __call__(self, state: Any, batches: Sequence[Batch]) -> tuple[Any, Any]:
        """Takes one step of every run; returns the new state and the metrics.

        The first axis of the metrics is the runs.
        """
        arguments = (self._constants, _stack(batches), self._keys)
        steps = np.array([batch.mask.any() for batch in batches])
        if steps.all():
            return self._step(state, *arguments)
        before = jax.tree.map(jnp.copy, state)
        after, metrics = self._step(state, *arguments)
        return _choose(steps, after, before), metrics


@jax.jit
def _choose(steps: Any, after: Any, before: Any) -> Any:
    """Returns `after` for the runs that take the step, and `before` for the others."""
    choose = partial(jax.vmap(jnp.where), steps)
    return jax.tree.map(choose, after, before)


def _devices(num_devices: int) -> list[jax.Device]:
    """Returns the first devices of this process; raises a ValueError if there are fewer."""
    if num_devices > jax.local_device_count():
        raise ValueError(f"{num_devices} devices requested, but only {jax.local_device_count()} found")
    return jax.local_devices()[:num_devices]


def _stack(batches: Sequence[Batch]) -> Batch:
    """Returns batches of one shape as one batch with a new first axis."""
    return jax.tree.map(lambda *parts: np.stack(parts), *batches)

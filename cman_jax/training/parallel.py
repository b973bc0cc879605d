"""The devices of a training: several share the batches of one run, or the runs of a population.

No other file of the library distributes work over devices. Devices of several hosts, see `hosts`, are one
mesh, on which each host has the same number.

All steps are used in the same way: `state = place([TrainState, ...])`, then any number of times `state,
metrics = step(state, batches)`, then `fetch(state)`. Between `place` and `fetch` the state is donated, that
is, updated in its own memory. `prepare(compiler, state, batches)` compiles the program of such a step
beforehand. `num_parts` is the number of parts that each batch of a run is divided into, all of one shape.
Those in `own_parts` are on devices of this host, and only they are passed.
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
from cman_jax.errors import UnfitSettings
from cman_jax.types import Batch, Constants

AXIS = "devices"

Step = Callable[..., tuple[Any, Any]]
"""`(state, constants, batch, key, *, axis_name=None) -> (state, metrics)`."""


class SingleStep:
    """A training step of one run on one device.

    Args:
      step: the pure step.
      constants: arrays that are not trained.
      key: the key of all random draws.
    """

    num_parts, own_parts = 1, range(1)

    def __init__(self, step: Step, constants: Constants, key: PRNGKeyArray):
        self._step = _compiled(step)
        self._key = key
        self._constants = self.place([constants])

    def place(self, states: Sequence[Any]) -> Any:
        """Returns a copy of the one state on the device.

        The copy goes through main memory, so that a restored state is not bound to a device. JAX would
        compile the step again for arrays that are bound to a device.
        """
        return jax.tree.map(jnp.array, jax.device_get(states[0]))

    def fetch(self, state: Any) -> list[Any]:
        """Returns the state of the run."""
        return [state]

    def prepare(self, compiler: Executor, state: Any, batches: Sequence[Batch]) -> None:
        """Starts to compile the program for batches of these shapes."""
        self._step.prepare(compiler, state, *self._arguments(batches))

    @property
    def seconds_compiling(self) -> float:
        """Returns how long steps have waited for the compiler."""
        return self._step.seconds_waited

    def __call__(self, state: Any, batches: Sequence[Batch]) -> tuple[Any, Any]:
        """Takes one step on a batch in `own_parts`; returns the new state and the metrics."""
        return self._step(state, *self._arguments(batches))

    def _arguments(self, batches: Sequence[Batch]) -> tuple[Any, ...]:
        """Returns the arguments of the program after the state."""
        return self._constants, batches[0], self._key


class MeshStep(SingleStep):
    """A training step of one run, whose batches are dealt out to a mesh of devices, also of several hosts.

    Args:
      step, constants, key: as for `SingleStep`.
      num_devices: number of devices, of which every host has the same number.

    Raises:
      UnfitSettings: there are fewer devices, or hosts cannot have the same number.
    """

    def __init__(self, step: Step, constants: Constants, key: PRNGKeyArray, num_devices: int):
        mesh, self.num_parts = _mesh(num_devices), num_devices
        on_host = num_devices // jax.process_count()
        self.own_parts = range(jax.process_index() * on_host, (jax.process_index() + 1) * on_host)
        parts, whole = PartitionSpec(AXIS), PartitionSpec()
        self._parts, self._whole = NamedSharding(mesh, parts), NamedSharding(mesh, whole)
        in_specs, out_specs = (whole, whole, parts, whole), (whole, whole)
        each = partial(step, axis_name=AXIS)
        shared = jax.shard_map(each, mesh=mesh, in_specs=in_specs, out_specs=out_specs, check_vma=False)
        self._step = _compiled(shared)
        self._key = jax.random.wrap_key_data(self.place([jax.random.key_data(key)]))
        self._constants = self.place([constants])

    def place(self, states: Sequence[Any]) -> Any:
        """Returns a copy of the one state for every device."""
        return self._global(jax.device_get(states[0]), self._whole, 1)

    def fetch(self, state: Any) -> list[Any]:
        """Returns the state of the run in main memory; all devices have equal copies."""
        return [jax.device_get(state)]

    def _arguments(self, batches: Sequence[Batch]) -> tuple[Any, ...]:
        own = jax.tree.map(lambda *parts: np.concatenate(parts), *batches)
        hosts = self.num_parts // len(self.own_parts)
        return self._constants, self._global(own, self._parts, hosts), self._key

    @staticmethod
    def _global(tree: Any, sharding: NamedSharding, factor: int) -> Any:
        """Returns this host's numbers as its part of arrays whose first axis is `factor` times as long."""

        def place(x: Any) -> jax.Array:
            shape = (factor * x.shape[0], *x.shape[1:]) if x.ndim else ()
            return jax.make_array_from_process_local_data(sharding, x, shape)

        return jax.tree.map(place, tree)


class PmapStep:
    """A training step of one run, whose batches are dealt out to devices of this process by `jax.pmap`.

    Nothing is compiled beforehand: pmap would not find the program, and would compile it again.

    Args:
      step, constants, key, num_devices: as for `MeshStep`.

    Raises:
      UnfitSettings: there are fewer devices.
    """

    seconds_compiling = 0.0  # unknown

    def __init__(self, step: Step, constants: Constants, key: PRNGKeyArray, num_devices: int):
        self.num_parts, self.own_parts = num_devices, range(num_devices)
        self._step = jax.pmap(
            lambda *arguments: step(*arguments, axis_name=AXIS),
            axis_name=AXIS,
            in_axes=(0, 0, 0, None),
            out_axes=(0, None),
            donate_argnums=0,
            devices=_devices(num_devices),
        )
        self._key = key
        self._constants = self.place([constants])

    def place(self, states: Sequence[Any]) -> Any:
        """Returns a copy of the one state for every device."""
        return jax.tree.map(lambda x: jnp.stack([x] * self.num_parts), jax.device_get(states[0]))

    def fetch(self, state: Any) -> list[Any]:
        """Returns the state of the run in main memory; all devices have equal copies."""
        return [jax.device_get(jax.tree.map(lambda x: x[0], state))]

    def prepare(self, compiler: Executor, state: Any, batches: Sequence[Batch]) -> None:
        """Compiles nothing."""

    def __call__(self, state: Any, batches: Sequence[Batch]) -> tuple[Any, Any]:
        """Takes one step on a batch in `own_parts`; returns the new state and the metrics."""
        return self._step(state, self._constants, _stack(batches), self._key)


class PopulationStep(SingleStep):
    """A training step of several runs at once, as one program; every device has its share of the runs.

    Each run's batch comes whole, and all batches have one shape. A run whose batch has no token takes no part
    in the step.

    Args:
      step: the pure step of one run.
      constants: each run's arrays that are not trained.
      keys: each run's key of all random draws.
      num_devices: number of devices; divides the number of runs.

    Raises:
      UnfitSettings: there are fewer devices.
    """

    def __init__(
        self, step: Step, constants: Sequence[Constants], keys: Sequence[PRNGKeyArray], num_devices: int
    ):
        mesh, members = _mesh(num_devices), PartitionSpec(AXIS)
        self._sharding = NamedSharding(mesh, members)
        each = jax.shard_map(jax.vmap(step), mesh=mesh, in_specs=members, out_specs=members, check_vma=False)
        self._step = _compiled(each)
        self._constants, self._key = self.place(constants), self.place(keys)

    def place(self, states: Sequence[Any]) -> Any:
        """Returns the runs' states, stacked and dealt out to the devices."""
        stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *states)
        return jax.device_put(stacked, self._sharding)

    def fetch(self, state: Any) -> list[Any]:
        """Returns the state of each run, in main memory."""
        state = jax.device_get(state)
        return [jax.tree.map(lambda x, k=k: x[k], state) for k in range(self._key.shape[0])]

    def _arguments(self, batches: Sequence[Batch]) -> tuple[Any, ...]:
        return self._constants, _stack(batches), self._key

    def __call__(self, state: Any, batches: Sequence[Batch]) -> tuple[Any, Any]:
        """Takes one step of every run; returns the new state and the metrics.

        The first axis of the metrics is the runs.
        """
        steps = np.array([batch.mask.any() for batch in batches])
        if steps.all():
            return super().__call__(state, batches)
        before = jax.tree.map(jnp.copy, state)
        after, metrics = super().__call__(state, batches)
        return _choose(steps, after, before), metrics


AnyStep = SingleStep | PmapStep
WAYS = ("auto", "jit", "pmap", "mesh")
"""How devices share a batch; "auto" is "jit" for one, "mesh" on CPUs and several hosts, or else "pmap"."""


def step_of_run(
    step: Step, constants: Constants, key: PRNGKeyArray, num_devices: int, parallel: str = "auto"
) -> AnyStep:
    """Returns the training step of one run.

    Args:
      step: the pure step.
      constants: arrays that are not trained.
      key: the key of all random draws.
      num_devices: number of devices that share each batch.
      parallel: a name in `WAYS`.

    Raises:
      UnfitSettings: there are fewer devices, "jit" is to use several, or several hosts are not to be a mesh.
    """
    several_hosts = jax.process_count() > 1
    if parallel == "auto":
        several = "mesh" if several_hosts or jax.default_backend() == "cpu" else "pmap"
        parallel = "jit" if num_devices == 1 and not several_hosts else several
    if several_hosts and parallel != "mesh":
        raise UnfitSettings(f"parallel={parallel} is for one host; use mesh")
    if parallel != "jit":
        return {"pmap": PmapStep, "mesh": MeshStep}[parallel](step, constants, key, num_devices)
    if num_devices > 1:
        raise UnfitSettings(f"parallel=jit is for one device, not for {num_devices}; use pmap or mesh")
    return SingleStep(step, constants, key)


def sharing(num_devices: int, num_sentences: int) -> int:
    """Returns how many of the devices share a batch: as many as it has sentences, and as many on each host.

    Raises:
      UnfitSettings: a batch has fewer sentences than there are hosts.
    """
    hosts, fitting = jax.process_count(), min(num_devices, num_sentences)
    if fitting < hosts:
        found = f"{num_sentences} sentences in a batch and {num_devices} devices for {hosts} hosts"
        raise UnfitSettings(f"{found}; each host needs one of both")
    return fitting - fitting % hosts


@jax.jit
def _choose(steps: Any, after: Any, before: Any) -> Any:
    """Returns `after` for the runs that take the step, and `before` for the others."""
    choose = partial(jax.vmap(jnp.where), steps)
    return jax.tree.map(choose, after, before)


def _compiled(step: Step) -> Ahead:
    """Returns a step that is compiled for each shape of batches, and updates the state in its own memory."""
    return Ahead(jax.jit(step, donate_argnums=0, compiler_options=compiler_options()))


def _mesh(num_devices: int) -> jax.sharding.Mesh:
    """Returns a mesh of the first devices, with one axis."""
    return jax.sharding.Mesh(np.array(_devices(num_devices)), (AXIS,))


def _devices(num_devices: int) -> list[jax.Device]:
    """Returns the first devices of each host, host by host; raises an UnfitSettings if there are fewer."""
    hosts = range(jax.process_count())
    if num_devices > jax.device_count():
        most = ", and a CPU has at most one for each core" if jax.default_backend() == "cpu" else ""
        raise UnfitSettings(f"{num_devices} devices requested, but only {jax.device_count()} found{most}")
    found = [[device for device in jax.devices() if device.process_index == host] for host in hosts]
    chosen = [devices[: num_devices // len(hosts)] for devices in found]
    if len({len(devices) for devices in chosen}) > 1:
        raise UnfitSettings(f"{num_devices} devices requested, but a host has only {min(map(len, found))}")
    return [device for devices in chosen for device in devices]


def _stack(batches: Sequence[Batch]) -> Batch:
    """Returns batches of one shape as one batch with a new first axis."""
    return jax.tree.map(lambda *parts: np.stack(parts), *batches)

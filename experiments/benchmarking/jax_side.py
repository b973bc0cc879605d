"""The programs to be timed, in this library's JAX."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from cman_jax.compilation import compiler_options, start
from cman_jax.data.bio import allowed_transitions
from cman_jax.data.corpus import load_splits
from cman_jax.errors import InputError
from cman_jax.inference.steps import predict_step
from cman_jax.layers.products import in_precision, matmul
from cman_jax.training.loop import train
from cman_jax.training.losses import Objective
from cman_jax.training.optimizer import make_optimizer
from cman_jax.training.parallel import MeshStep, PopulationStep, SingleStep
from cman_jax.training.progress import Progress
from cman_jax.training.step import TrainState, train_step
from cman_jax.types import Batch
from experiments.benchmarking import operations
from experiments.benchmarking.flops import compiler_flops, count_products
from experiments.benchmarking.settings import Case, Settings
from experiments.benchmarking.workload import Workload

_ON_ACCELERATORS = {"float32": "highest", "tf32": "tensorfloat32", "bfloat16": "tensorfloat32"}
"""The precision of products without weights, such as those of attention, and of all products of float32."""


class JaxSide:
    """The JAX side of a worker.

    Args:
      settings: the settings of the benchmark.
      cache: the folder for compiled programs; None: compiled programs are not kept.

    Raises:
      InputError: the CPU does not support the precision, or another device is to be divided.
    """

    def __init__(self, settings: Settings, cache: str | None):
        self.settings = settings
        start(num_devices=settings.num_devices)
        if cache is not None:
            jax.config.update("jax_compilation_cache_dir", cache)
            jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
        self._device = jax.devices()[0]
        if self._device.platform != "cpu":
            jax.config.update("jax_default_matmul_precision", _ON_ACCELERATORS[settings.precision])
        elif settings.precision == "tf32":
            raise InputError("flags", None, "precision tf32 for JAX on the CPU", "float32 or bfloat16")
        if self._device.platform != "cpu" and settings.num_devices > 1:
            raise InputError("flags", None, "jax_devices for JAX on a GPU or TPU", "JAX_PLATFORMS=cpu")
        self._precision = "bfloat16" if settings.precision == "bfloat16" else "float32"
        self._workload = Workload.load(settings)
        self._latest: tuple | None = None

    def describe(self) -> dict[str, Any]:
        """Returns JAX's version, the platform ("cpu", "gpu" or "tpu") and the device's name."""
        platform = "gpu" if self._device.platform in ("cuda", "rocm") else self._device.platform
        return {"version": jax.__version__, "platform": platform, "device": self._device.device_kind}

    def program(self, case: Case) -> Callable[[int], None]:
        """Compiles the program of a case.

        Args:
          case: the program to be timed.

        Returns:
          A function that runs the program as many times as its argument says and waits for the last result.
        """
        if case.what == "matmul":
            return self._matmul(case.length)
        if case.what == "train_step" and self.settings.num_devices > 1:
            return self._training_on_devices(case)
        batch = jax.tree.map(jnp.asarray, self._workload.batch(case.batch_size, case.length))
        return self._training(batch) if case.what == "train_step" else self._inference(batch)

    def costs(self) -> dict[str, Any]:
        """Returns the latest program's floating-point operations and the bytes of its temporary arrays."""
        assert self._latest is not None
        compiled, step, shapes = self._latest
        sizes = compiled.memory_analysis()
        costs = {"compiler_flops": compiler_flops(compiled), **count_products(step, *shapes)._asdict()}
        return {**costs, "temporary_bytes": sizes.temp_size_in_bytes if sizes else None}

    def operations(self, case: Case, steps: int) -> dict[str, float]:
        """Returns the milliseconds of a step that operations of each kind take.

        Args:
          case: a training step of one network on one device.
          steps: number of steps to trace, after as many without a trace.
        """
        run = self.program(case)
        run(steps)
        assert self._latest is not None
        return operations.milliseconds_by_kind(self._latest[0].as_text(), run, steps)

    def reset_peak(self) -> None:
        """Does nothing, because JAX keeps one peak of the device's memory per process."""

    def peak_device_bytes(self) -> int | None:
        """Returns the peak of the device's memory that this process has used, or None on the CPU."""
        stats = self._device.memory_stats()
        return stats["peak_bytes_in_use"] if stats and self._device.platform != "cpu" else None

    def train(self, workdir: Path, progress: Progress) -> None:
        """Trains a whole run, as `experiments.train` does.

        Args:
          workdir: the folder of the run.
          progress: is called at the start and end of every epoch.
        """
        settings = self.settings
        splits = load_splits(settings.data)
        options = {"vectors": settings.vectors_path, "num_devices": settings.num_devices}
        train(settings.config, splits, workdir, progress=progress, **options)

    def _training(self, batch: Batch) -> Callable[[int], None]:
        """Compiles the training step of one network, or of the whole population, on one batch."""
        members, constants = self.settings.population, self._workload.system.constants
        step, state, key = self._start()
        if members > 1:  # each network has its own batch and word vectors, as in PopulationStep
            step = jax.vmap(step)
            stack = partial(jax.tree.map, lambda x: jnp.stack([x] * members))
            state, constants, batch = stack(state), stack(constants), stack(batch)
            key = jax.random.split(key, members)
        step = self._compile(step, state, constants, batch, key, donate_argnums=(0,))

        def run(steps: int) -> None:
            nonlocal state
            for _ in range(steps):
                state, metrics = step(state, constants, batch, key)
            jax.block_until_ready((state, metrics))

        return run

    def _training_on_devices(self, case: Case) -> Callable[[int], None]:
        """Returns the training step whose batch, or whose population, several devices share."""
        members, devices = self.settings.population, self.settings.num_devices
        constants, (step, state, key) = self._workload.system.constants, self._start()
        shared: SingleStep
        if members > 1:
            shared = PopulationStep(
                step, [constants] * members, list(jax.random.split(key, members)), devices
            )
            batches = [self._workload.batch(case.batch_size, case.length)] * members
        else:
            shared = MeshStep(step, constants, key, devices)
            batches = self._workload.parts(case.batch_size, case.length, devices)
        states = shared.place([state] * members)

        def run(steps: int) -> None:
            nonlocal states
            for _ in range(steps):
                states, metrics = shared(states, batches)
            jax.block_until_ready((states, metrics))

        return run

    def _start(self) -> tuple[Callable[..., Any], TrainState, PRNGKeyArray]:
        """Returns the training step of one network, its state before the first step, and the run's key."""
        system = self._workload.system
        training = system.config.training
        optimizer = make_optimizer(training)
        step = in_precision(self._precision, train_step)
        step = partial(step, system.model, optimizer, Objective.of(training))
        params = jax.tree.map(jnp.array, self._workload.params)
        return step, TrainState.start(params, optimizer), jax.random.key(training.seed)

    def _inference(self, batch: Batch) -> Callable[[int], None]:
        """Compiles a prediction of tags and relation probabilities, without the marginals of the tags.

        Both frameworks compute these two results.
        """
        system = self._workload.system
        constrained = system.config.decoding.bio_constraints
        allowed = tuple(map(jnp.asarray, allowed_transitions(system.vocabs.tags))) if constrained else None
        arguments = (jax.tree.map(jnp.array, self._workload.params), system.constants, batch, allowed)
        predict = in_precision(self._precision, predict_step)
        step = self._compile(lambda *arguments: predict(system.model, *arguments)[:2], *arguments)

        def run(steps: int) -> None:
            for _ in range(steps):
                jax.block_until_ready(step(*arguments))

        return run

    def _matmul(self, size: int) -> Callable[[int], None]:
        """Compiles the product of two square matrices with `size` rows."""
        a = jax.random.normal(jax.random.key(0), (size, size)) * size**-0.5
        x = a
        product = self._compile(in_precision(self._precision, matmul), a, x)

        def run(steps: int) -> None:
            nonlocal x
            for _ in range(steps):
                x = product(a, x)
            x.block_until_ready()

        return run

    def _compile(
        self, step: Callable[..., Any], *arguments: Any, donate_argnums: tuple[int, ...] = ()
    ) -> Any:
        """Compiles `step` for arguments of these shapes and keeps the program for `costs`."""
        jitted = jax.jit(step, donate_argnums=donate_argnums, compiler_options=compiler_options())
        compiled = jitted.lower(*arguments).compile()
        shapes = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), arguments)
        self._latest = (compiled, step, shapes)
        return compiled

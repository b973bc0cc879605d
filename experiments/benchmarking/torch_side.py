"""The programs to be timed, in the PyTorch twin."""

import contextlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from cman_jax.data.corpus import load_splits
from cman_jax.errors import InputError
from cman_jax.training.progress import Progress
from experiments.benchmarking.settings import Case, Settings
from experiments.benchmarking.workload import Workload
from experiments.torch_reference.batch import to_torch
from experiments.torch_reference.step import predict_step, train_step
from experiments.torch_reference.train import make_network, make_optimizer, train

_STEPS_BEFORE_CAPTURE = 3


class TorchSide:
    """The PyTorch side of a worker.

    Args:
      framework: "torch", "torch_compile" or "torch_cudagraphs".
      settings: the settings of the benchmark.
      cache: not used; an environment variable names the folder of `torch.compile`.

    Raises:
      InputError: the framework or the precision needs a GPU, and PyTorch finds none.
    """

    def __init__(self, framework: str, settings: Settings, cache: str | None):
        del cache
        self.settings, self.framework = settings, framework
        torch.set_num_threads(settings.num_threads)
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        if self._device.type == "cpu" and (framework == "torch_cudagraphs" or settings.precision == "tf32"):
            found = "torch_cudagraphs" if framework == "torch_cudagraphs" else "precision tf32"
            raise InputError("flags", None, f"{found} on the CPU", "a CUDA GPU, which it needs")
        tf32 = settings.precision == "tf32"
        torch.set_float32_matmul_precision("high" if tf32 else "highest")
        torch.backends.cudnn.allow_tf32 = tf32
        self._workload = Workload.load(settings)

    def describe(self) -> dict[str, Any]:
        """Returns PyTorch's version, the platform ("cpu" or "gpu") and the device's name."""
        gpu = self._device.type == "cuda"
        device = torch.cuda.get_device_name() if gpu else "cpu"
        return {"version": torch.__version__, "platform": "gpu" if gpu else "cpu", "device": device}

    def program(self, case: Case) -> Callable[[int], None]:
        """Builds the program of a case; its first calls compile it.

        Args:
          case: the program to be timed.

        Returns:
          A function that runs the program as many times as its argument says and waits for the last result.
        """
        if case.what == "matmul":
            return self._matmul(case.length)
        torch.compiler.reset()  # forgets the programs of other shapes
        batch = self._workload.batch(case.batch_size, case.length)
        batch = to_torch(batch, self._device, distinct_words=self.settings.distinct_words)
        network = make_network(self._workload.system, self._workload.params, self._device)
        if case.what == "inference":
            predict = partial(self._wrap(predict_step, dynamic=False), network.eval(), batch)
            return self._runner(self._captured(predict), wait_for_each=True)
        training = self._workload.system.config.training
        step = self._wrap(train_step, dynamic=False)
        optimizer = make_optimizer(network, training)
        step = partial(step, network.train(), optimizer, batch, training.alpha, training.clip_norm)
        if self.framework == "torch_cudagraphs":
            for group in optimizer.param_groups:
                group["capturable"] = True
        return self._runner(self._captured(step), wait_for_each=False)

    def costs(self) -> dict[str, Any]:
        """Returns an empty dictionary, because PyTorch does not count the operations of its LSTMs."""
        return {}

    def reset_peak(self) -> None:
        """Restarts the measurement of the GPU's peak memory."""
        if self._device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()

    def peak_device_bytes(self) -> int | None:
        """Returns the peak of the GPU's memory since `reset_peak`, in bytes, or None on the CPU."""
        return torch.cuda.max_memory_allocated() if self._device.type == "cuda" else None

    def train(self, workdir: Path, progress: Progress) -> None:
        """Trains a whole run from the shared initial parameters.

        Initialization by PyTorch would take a negligible time and is not measured.

        Args:
          workdir: the folder of the run.
          progress: is called at the start and end of every epoch.

        Raises:
          InputError: the framework is "torch_cudagraphs", which needs batches of one shape.
        """
        settings = self.settings
        if self.framework == "torch_cudagraphs":
            expected = "torch or torch_compile, because CUDA graphs need batches of one shape"
            raise InputError("flags", None, "torch_cudagraphs for the measure epoch", expected)
        torch.compiler.reset()
        train(
            settings.config,
            load_splits(settings.data),
            workdir,
            self._workload.params,
            vectors=settings.vectors_path,
            device=self._device,
            distinct_words=settings.distinct_words,
            wrap=self._wrap,
            progress=progress,
        )

    def _wrap(self, function: Callable, *, dynamic: bool | None = None) -> Callable:
        """Returns the function compiled for `torch_compile`, and run under autocast for "bfloat16"."""
        if self.framework == "torch_compile":
            function = torch.compile(function, dynamic=dynamic)
        if self.settings.precision != "bfloat16":
            return function

        def in_bfloat16(*arguments: Any) -> Any:
            with torch.autocast(self._device.type, torch.bfloat16):
                return function(*arguments)

        return in_bfloat16

    def _captured(self, step: Callable[[], Any]) -> Callable[[], Any]:
        """Returns a replay of the whole step as one CUDA graph for `torch_cudagraphs`, otherwise the step."""
        if self.framework != "torch_cudagraphs":
            return step
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        # The first calls allocate memory and choose algorithms, which a graph must not do.
        with torch.cuda.stream(stream):
            for _ in range(_STEPS_BEFORE_CAPTURE):
                step()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            step()
        return graph.replay

    def _runner(self, step: Callable[[], Any], *, wait_for_each: bool) -> Callable[[int], None]:
        """Returns a function that runs `steps` steps and waits for the last one, or for each."""

        def run(steps: int) -> None:
            for _ in range(steps):
                step()
                if wait_for_each:
                    self._wait()
            self._wait()

        return run

    def _wait(self) -> None:
        """Waits until the GPU has finished its work."""
        if self._device.type == "cuda":
            torch.cuda.synchronize()

    def _matmul(self, size: int) -> Callable[[int], None]:
        """Builds the product of two square matrices with `size` rows."""
        a = torch.randn(size, size, device=self._device) * size**-0.5
        x, half = a, self.settings.precision == "bfloat16"

        def step() -> None:
            nonlocal x
            with torch.autocast(self._device.type, torch.bfloat16) if half else contextlib.nullcontext():
                x = a @ x

        return self._runner(step, wait_for_each=False)

"""The settings of a benchmark; the harness sends them to the workers as JSON."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cman_jax.config import Config
from cman_jax.config_checks import from_dict
from cman_jax.errors import InputError

FRAMEWORKS = ("jax", "jax_alone", "jax_float32", "jax_devices", "torch", "torch_compile", "torch_cudagraphs")
MEASURES = ("train_step", "inference", "epoch", "compile", "memory", "operations")
PRECISIONS = ("float32", "tf32", "bfloat16")


@dataclasses.dataclass(frozen=True)
class Settings:
    """The settings of one benchmark.

    Attributes:
      config_values: the config of the experiment, from `cman_jax.config.to_dict`.
      data: the folder of the corpus in the canonical format.
      vectors: the file of word vectors; None: the network trains its own word vectors.
      shared: the folder with the system and the initial parameters, which `workload.share` writes.
      precision: the precision of matrix products. With "float32" both frameworks compute in float32, even on
        GPUs, where JAX would use TF32 by default. "tf32" needs a GPU. In "bfloat16" JAX computes products
        with weights, as `config.training.precision` has it, and PyTorch what `torch.autocast` chooses.
      population: networks that "jax" trains side by side in one program; "jax_alone" trains one network.
      num_devices: devices that share each batch, or the networks of a population, in JAX; a CPU is divided.
      distinct_words: whether PyTorch encodes the characters once per distinct word of a batch, as JAX does.
      num_threads: threads of PyTorch; JAX follows the CPU affinity of the process.
    """

    config_values: dict[str, dict[str, Any]]
    data: str
    vectors: str | None
    shared: str
    precision: str = "float32"
    population: int = 1
    num_devices: int = 1
    distinct_words: bool = False
    num_threads: int = 1

    @property
    def config(self) -> Config:
        """Returns the config of the experiment."""
        return from_dict(self.config_values)

    @property
    def vectors_path(self) -> Path | None:
        """Returns the path of the file of word vectors, or None."""
        return Path(self.vectors) if self.vectors else None


@dataclasses.dataclass(frozen=True)
class Case:
    """One program to be timed.

    Attributes:
      what: "train_step", "inference" or "matmul"; "matmul" is the product of two square matrices.
      batch_size: sentences per step; "matmul" ignores it.
      length: tokens of each sentence; for "matmul", rows of each matrix.
    """

    what: str
    batch_size: int
    length: int


def is_jax(framework: str) -> bool:
    """Returns whether the framework is JAX, not PyTorch.

    Args:
      framework: a name from `FRAMEWORKS`.
    """
    return framework.startswith("jax")


def choices(flag: str, values: Sequence[str], allowed: Sequence[str]) -> tuple[str, ...]:
    """Returns the names in a list flag without repetitions, in the user's order.

    Args:
      flag: the name of the flag, for the error message.
      values: the user's names.
      allowed: the known names.

    Raises:
      InputError: a name is unknown, or the list is empty.
    """
    for value in values or ["nothing"]:
        if value not in allowed:
            raise InputError("flags", None, f"{flag} = {value}", f"one or more of {', '.join(allowed)}")
    return tuple(dict.fromkeys(values))


def numbers(flag: str, values: Sequence[str]) -> tuple[int, ...]:
    """Returns the numbers in a list flag without repetitions, in the user's order.

    Args:
      flag: the name of the flag, for the error message.
      values: the user's numbers, as text.

    Raises:
      InputError: a value is not a whole number of at least 1, or the list is empty.
    """
    for value in values or ["nothing"]:
        if not value.isdecimal() or int(value) == 0:
            raise InputError("flags", None, f"{flag} = {value}", "one or more whole numbers, each at least 1")
    return tuple(dict.fromkeys(map(int, values)))

"""What every part of a measurement needs to know; travels to the workers as JSON."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cman_jax.config import Config, from_dict
from cman_jax.errors import InputError

FRAMEWORKS = ("jax", "jax_alone", "torch", "torch_compile", "torch_cudagraphs")
MEASURES = ("train_step", "inference", "epoch", "compile", "memory")
PRECISIONS = ("float32", "tf32", "bfloat16")


@dataclasses.dataclass(frozen=True)
class Settings:
    """Of one benchmark.

    Attributes:
      config_values: the experiment, as `cman_jax.config.to_dict` gives it.
      data: folder of the corpus in the canonical form.
      vectors: file of word vectors; None: they are trained.
      shared: folder that `workload.share` filled: a run's system and the initial parameters.
      precision: of matrix products. "float32" is that in both frameworks, also on GPUs where JAX would take
        TF32 of itself; "tf32" and "bfloat16" are for GPUs (PyTorch has bfloat16 on the CPU too).
      population: networks trained side by side in one program; "jax" only, "jax_alone" trains one.
      distinct_words: PyTorch too encodes characters once per distinct word of a batch.
      num_threads: PyTorch's; JAX follows the process' CPU affinity.
    """

    config_values: dict[str, dict[str, Any]]
    data: str
    vectors: str | None
    shared: str
    precision: str = "float32"
    population: int = 1
    distinct_words: bool = False
    num_threads: int = 1

    @property
    def config(self) -> Config:
        """The experiment."""
        return from_dict(self.config_values)

    @property
    def vectors_path(self) -> Path | None:
        """The file of word vectors."""
        return Path(self.vectors) if self.vectors else None


@dataclasses.dataclass(frozen=True)
class Case:
    """One program to be timed.

    Attributes:
      what: "train_step", "inference" or "matmul", the product of two square matrices.
      batch_size: sentences.
      length: tokens of each sentence; rows of a matrix.
    """

    what: str
    batch_size: int
    length: int


def is_jax(framework: str) -> bool:
    """Whether it is this library, not PyTorch."""
    return framework.startswith("jax")


def choices(flag: str, values: Sequence[str], allowed: Sequence[str]) -> tuple[str, ...]:
    """A list flag's names, each once, in the order given. Raises: InputError: an unknown one, or none."""
    for value in values or ["nothing"]:
        if value not in allowed:
            raise InputError("flags", None, f"{flag} = {value}", f"some of {', '.join(allowed)}")
    return tuple(dict.fromkeys(values))


def numbers(flag: str, values: Sequence[str]) -> tuple[int, ...]:
    """A list flag's numbers, likewise."""
    for value in values or ["nothing"]:
        if not value.isdecimal() or int(value) == 0:
            raise InputError("flags", None, f"{flag} = {value}", "whole numbers from 1 on")
    return tuple(dict.fromkeys(map(int, values)))

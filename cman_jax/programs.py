"""Functions whose traced programs are kept between processes, so that a later process need not trace them.

Tracing a network takes longer than loading its compiled program. A kept program is StableHLO, which
`jax.export` has serialised for one kind of device and fixed shapes. JAX compiles it for the machine that it
runs on, or finds it among the compiled programs. The process that traces a program runs the kept form too, so
that all processes compute the same bits.
"""

import threading
from collections.abc import Callable, Hashable
from dataclasses import fields
from functools import partial
from typing import Any

import jax
from flax import linen as nn
from jax import export

from cman_jax.compilation import compiler_options, shapes_of
from cman_jax.kept import folder_of_kept, kept

_OWN = __name__.partition(".")[0]


class KeptProgram:
    """A function of a network and arrays, jitted, whose traced programs are kept.

    Args:
      function: a pure function. Its source is in this library. NamedTuples among its arguments and results
        are registered by `register`.
      about: everything else that decides what is traced, such as the precision.
    """

    def __init__(self, function: Callable[..., Any], *about: str):
        self._function, self._about = function, about
        self._programs: dict[Hashable, Callable[..., Any]] = {}
        self._tracing = threading.Lock()

    def lower(self, network: nn.Module, *arguments: Any) -> jax.stages.Lowered:
        """Returns the program for arguments of these shapes, to be compiled.

        Args:
          network: the network, which the program is specialised to.
          *arguments: trees of arrays, or of their shapes and types.
        """
        with self._tracing:
            return self._program(network, arguments).lower(*arguments)

    def __call__(self, network: nn.Module, *arguments: Any) -> Any:
        """Returns the function's value."""
        return self._program(network, arguments)(*arguments)

    def _program(self, network: nn.Module, arguments: tuple[Any, ...]) -> Callable[..., Any]:
        """Returns the jitted program for arguments of these shapes."""
        key = network, shapes_of(*arguments), jax.config.jax_compilation_cache_dir
        if key not in self._programs:
            self._programs[key] = self._load(network, arguments)
        return self._programs[key]

    def _load(self, network: nn.Module, arguments: tuple[Any, ...]) -> Callable[..., Any]:
        """Returns the kept program, which is traced now if it does not exist."""
        jitted = self._jitted(partial(self._function, network))
        own = type(network).__module__.partition(".")[0] == _OWN
        if folder_of_kept() is None or not own or jax.default_backend() == "gpu":
            return jitted  # kernels of GPUs are not portable
        name = f"{self._function.__module__}.{self._function.__qualname__}"
        parts = [name, *self._about, describe(network), repr(shapes_of(*arguments))]
        try:
            program = kept(parts, lambda: bytes(export.export(jitted)(*arguments).serialize()))
        except (NotImplementedError, ValueError):  # of what cannot be exported, or of the function itself
            return jitted
        return self._jitted(export.deserialize(bytearray(program)).call)

    def _jitted(self, program: Callable[..., Any]) -> Callable[..., Any]:
        """Returns a function of arrays, jitted under the name of the kept function."""

        def named(*arguments: Any) -> Any:
            return program(*arguments)

        named.__name__ = self._function.__name__
        return jax.jit(named, compiler_options=compiler_options())


def register(*types: type) -> None:
    """Allows NamedTuples among the arguments and results of kept programs.

    Args:
      *types: the classes, each once in a process.
    """
    for each in types:
        export.register_namedtuple_serialization(
            each, serialized_name=f"{each.__module__}.{each.__qualname__}"
        )


def describe(network: nn.Module) -> str:
    """Returns a text that is equal for equal networks, in every process.

    Args:
      network: a module whose settings have complete representations.
    """
    settings = {each.name: getattr(network, each.name) for each in fields(network) if each.name != "parent"}
    return f"{type(network).__module__}.{type(network).__qualname__} {settings!r}"

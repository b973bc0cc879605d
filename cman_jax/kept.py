"""What a process computes from code and settings, kept for later processes beside the compiled programs.

A file's name is a digest of everything that its content depends on, so that a file is never changed, only
made. The folder belongs to the user who runs the program. Nothing is read from a run's folder, which may be a
stranger's.
"""

import functools
import hashlib
import logging
import os
import platform
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import flax
import jax
import jaxlib
import numpy as np
from jax.extend.backend import get_backend

from cman_jax.files import write_atomically

FOLDER = "traced"
"""The folder inside the folder of compiled programs."""

_DIGEST = 64  # hexadecimal digits of SHA-256, which come before the content of a file


def kept(parts: Sequence[str], make: Callable[[], bytes]) -> bytes:
    """Returns what an earlier process has made from the same parts, or makes it and keeps it.

    The library's source, the versions of libraries, the device and JAX's settings count as parts too. A
    damaged file is made again. Nothing is kept if there is no folder, or if it cannot be written to.

    Args:
      parts: everything else that the content depends on.
      make: computes the content.
    """
    folder = folder_of_kept()
    if folder is None:
        return make()
    path = folder / hashlib.sha256("\0".join([*_surroundings(), *parts]).encode()).hexdigest()
    content = _read(path)
    if content is None:
        content = make()
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            write_atomically(path, hashlib.sha256(content).hexdigest().encode() + content)
    return content


def folder_of_kept() -> Path | None:
    """Returns the folder of kept files; None: this process keeps no compiled programs, or not on a disk."""
    cache = jax.config.jax_compilation_cache_dir
    return None if not cache or "://" in cache else Path(cache) / FOLDER


def _read(path: Path) -> bytes | None:
    """Returns the content of a file; None: it does not exist or is damaged."""
    try:
        stored = path.read_bytes()
    except OSError:
        return None
    digest, content = stored[:_DIGEST], stored[_DIGEST:]
    if hashlib.sha256(content).hexdigest().encode() == digest:
        return content
    logging.getLogger(__name__).warning("%s is damaged and made again", path)
    return None


def _surroundings() -> list[str]:
    """Returns what decides, beside a function's arguments, what JAX traces."""
    backend, device = get_backend(), jax.local_devices()[0]
    settings = {name: getattr(jax.config, name, value) for name, value in jax.config.values.items()}
    return [
        _source_digest(),
        *(jax.__version__, jaxlib.__version__, flax.__version__, np.__version__),
        *(platform.python_version(), platform.machine(), os.environ.get("XLA_FLAGS", "")),
        *(backend.platform, backend.platform_version, device.device_kind),
        repr(sorted(settings.items(), key=lambda item: item[0])),
    ]


@functools.cache
def _source_digest() -> str:
    """Returns a digest of the library's source."""
    digest, package = hashlib.sha256(), Path(__file__).parent
    for path in sorted(package.rglob("*.py")):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(package).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()

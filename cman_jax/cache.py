"""The folder of everything that this library can make again."""

import os
from pathlib import Path


def cache_folder(part: str) -> Path:
    """Returns the folder of one part of the cache, which can begin with "~" and may not exist.

    Args:
      part: what the folder contains, such as "xla".
    """
    return Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")) / "cman-jax" / part

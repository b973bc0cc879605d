"""Joint entity and relation extraction with CMAN (Zhao et al., IJCAI-20) in JAX.

from cman_jax import Extractor
"""

from typing import Any

from cman_jax.version import __version__

__all__ = ["Ensemble", "Extractor", "__version__"]


def __getattr__(name: str) -> Any:
    """Imports `Extractor` or `Ensemble` when it is first used, because JAX takes a while to import."""
    if name == "Extractor":
        from cman_jax.inference.extractor import Extractor

        return Extractor
    if name == "Ensemble":
        from cman_jax.inference.ensemble import Ensemble

        return Ensemble
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""Joint entity and relation extraction with CMAN (Zhao et al., IJCAI-20) in JAX."""

__version__ = "0.1.0"

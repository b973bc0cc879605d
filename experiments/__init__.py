"""Command-line programs (absl flags); thin, everything they call is in cman_jax."""

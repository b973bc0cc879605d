"""The way from files to padded batches of ids. The package uses NumPy and never imports jax."""

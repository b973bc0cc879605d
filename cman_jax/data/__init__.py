"""From files to padded batches of ids. NumPy only: nothing here imports jax."""

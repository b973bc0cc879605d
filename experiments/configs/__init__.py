"""Experiment configurations: each file returns one `cman_jax.config.Config`."""

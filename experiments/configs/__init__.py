"""Settings of single experiments; those that users train with are in `cman_jax.configs`."""

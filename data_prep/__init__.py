"""Raw corpora and vectors into the forms that cman_jax reads."""

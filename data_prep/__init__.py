"""The preparation of corpora, word vectors and features in the formats that cman_jax reads."""

"""Tests of character vectors against a BiLSTM over each spelling, and of trained and frozen word vectors."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cman_jax.model.embedding import CharacterEmbedding, WordEmbedding
from tests import oracles
from tests.builders import normal, random_variables

CHARS, DIM, D = 9, 5, 3
SPELLINGS = ((2, 3), (4,), (), (5, 5, 8, 1), (2, 3, 4, 6, 7))
TABLES = (np.zeros((3, 2), np.int32), np.zeros((2, 6), np.int32))
for row, spelling in zip([*TABLES[0], *TABLES[1]], SPELLINGS, strict=True):
    row[: len(spelling)] = spelling


@pytest.fixture(scope="module")
def characters() -> Any:
    """Returns the compiled character embedding and its random variables."""
    module = CharacterEmbedding(CHARS, DIM, D)
    return jax.jit(module.apply), random_variables(module, TABLES, scale=0.7)


def test_a_word_is_the_final_states_of_both_directions_over_its_characters(characters: Any) -> None:
    encode, variables = characters
    vectors = encode(variables, TABLES)
    params = jax.tree.map(np.asarray, variables["params"])
    bilstm = params["bilstm"]
    assert vectors.shape == (len(SPELLINGS), 2 * D)
    for vector, spelling in zip(vectors, SPELLINGS, strict=True):
        if not spelling:
            assert not vector.any()
            continue
        letters = params["chars"]["embedding"][list(spelling)]
        kernel, bias = bilstm["gates"]["kernel"], bilstm["gates"]["bias"]
        gates = np.einsum("ce,gek->cgk", letters, kernel) + bias
        taken = np.ones(len(spelling), bool)
        forward = oracles.lstm(gates[:, 0], bilstm["recurrent_kernel"][0], taken)[-1]
        backward = oracles.lstm(gates[::-1, 1], bilstm["recurrent_kernel"][1], taken)[-1]
        np.testing.assert_allclose(vector, np.concatenate([forward, backward]), rtol=1e-5, atol=1e-6)


def test_the_vector_of_the_padding_character_is_never_read(characters: Any) -> None:
    encode, variables = characters
    gradient = jax.grad(lambda v: encode(v, TABLES).sum())(variables)["params"]["chars"]["embedding"]
    used = sorted({char for spelling in SPELLINGS for char in spelling})
    np.testing.assert_array_equal(np.flatnonzero(np.abs(gradient).sum(1)), used)


def test_trained_word_vectors_are_parameters() -> None:
    module, ids = WordEmbedding(4, 3, frozen=False), jnp.array([[2, 0]])
    variables = random_variables(module, ids)
    table = variables["params"]["words"]["embedding"]
    assert table.shape == (4, 3)
    np.testing.assert_array_equal(module.apply(variables, ids), table[ids])


def test_frozen_word_vectors_are_constants_of_any_width() -> None:
    module, ids, vectors = WordEmbedding(4, 3, frozen=True), jnp.array([[2, 0]]), jnp.asarray(normal(0, 4, 7))
    embedded, variables = module.apply(
        {"constants": {"vectors": vectors}}, ids, mutable=["params"], rngs={"params": jax.random.key(0)}
    )
    np.testing.assert_array_equal(embedded, vectors[ids])
    assert not variables.get("params")

"""Tests of padded word pieces: every piece adds to its word, and shapes follow from the padded tokens."""

import jax.numpy as jnp
import numpy as np
import pytest

from cman_jax.config import DataConfig
from cman_jax.data.batching import Example
from cman_jax.data.pieces import Rows, pad_pieces
from cman_jax.encoders.pooling import words_by_adding, words_by_product
from cman_jax.types import PieceRow, Sizes
from tests.builders import normal

SIZES = Sizes(1, 1, 1, 1, False, feature_layers=1, feature_width=3, longest_input=10)
CONFIG = DataConfig(piece_ratio=2.0)


def row(*words: int) -> PieceRow:
    return PieceRow(normal(len(words), len(words), 3).astype(np.float16), np.array(words, np.int32))


SENTENCES = [(row(-1, 0, 0, 2, -1),), (), (row(-1, 0, 1, -1), row(-1, 1, 1, 2, -1))]


@pytest.mark.parametrize(("length", "num_pieces"), [(4, 8), (16, 10)])
def test_a_word_is_the_mean_of_its_pieces_in_all_rows(length: int, num_pieces: int) -> None:
    (batch,) = pad_pieces([SENTENCES], (3, length), CONFIG, SIZES)
    assert batch.states.shape == (6, num_pieces, 3)
    assert batch.mask.sum(1).tolist() == [5, 0, 4, 0, 0, 5]  # the second windows are behind all first ones
    words = np.zeros((3 * length, 3))
    inside = batch.words < 3 * length
    np.add.at(words, batch.words[inside], (batch.states * batch.weights[:, :, None])[inside])
    for index, rows in enumerate(SENTENCES):
        for word in range(length):
            pieces = [each.states[i] for each in rows for i in np.flatnonzero(each.words == word)]
            expected = np.mean(pieces, 0) if pieces else np.zeros(3)
            np.testing.assert_allclose(words[index * length + word], expected, rtol=1e-3, atol=1e-3)


def test_a_group_of_short_sentences_has_the_rows_of_one_with_a_long_sentence() -> None:
    few, many = pad_pieces([SENTENCES[:1], SENTENCES], (4, 4), CONFIG, SIZES)
    assert few.states.shape == many.states.shape == (8, 8, 3)
    assert few.mask[1:].sum() == 0
    assert (few.words[1:] == 4 * 4).all()


@pytest.mark.parametrize("sentences", [SENTENCES, SENTENCES[1:], [*SENTENCES, (), ()]])
def test_the_form_for_gpus_adds_to_the_same_words(sentences: Rows) -> None:
    shape = (len(sentences), 4)
    (batch,) = pad_pieces([sentences], shape, CONFIG, SIZES)
    weighted = jnp.asarray(batch.states.astype(np.float32) * batch.weights[:, :, None])
    forms = (words_by_adding, words_by_product)
    added, multiplied = (form(weighted, jnp.asarray(batch.words), shape) for form in forms)
    filled = {w + 4 * k for k, rows in enumerate(sentences) for row in rows for w in row.words if w >= 0}
    assert set(np.flatnonzero(np.abs(added).max(-1))) == filled
    np.testing.assert_allclose(added, multiplied, rtol=1e-6)


def test_an_example_has_room_for_its_tokens_and_its_longest_row() -> None:
    empty = np.zeros((0, 7, 0), np.float16)
    example = Example(np.zeros(7, np.int32), np.zeros(7, np.int32), (), np.zeros((0, 3), np.int32), empty)
    assert example.room(CONFIG) == 7
    assert example._replace(pieces=(row(*[0] * 14), row(0))).room(CONFIG) == 7
    assert example._replace(pieces=(row(*[0] * 15),)).room(CONFIG) == 8

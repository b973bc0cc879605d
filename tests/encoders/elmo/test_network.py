"""Tests of ELMo's network against loops over the files' own arrays; of padding, and of the directions."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from cman_jax.encoders.elmo.network import BidirectionalLM, CharacterCNN, LSTMState
from cman_jax.encoders.elmo.options import ElmoOptions
from cman_jax.encoders.elmo.weights import NUM_IDS, char_ids, read_elmo
from experiments.faults import tiny_elmo
from tests import elmo_by_loops
from tests.builders import lengths_to_mask, normal

CASES = {
    "two layers": {},
    "one layer, no highway, no clipping": {
        "lstm.n_layers": 1,
        "char_cnn.n_highway": 0,
        "lstm.cell_clip": ...,
        "lstm.proj_clip": None,
    },
    "three layers, three highways, tanh, no skip connections, short words": {
        "lstm.n_layers": 3,
        "lstm.use_skip_connections": False,
        "lstm.cell_clip": 0,
        "char_cnn.n_highway": 3,
        "char_cnn.activation": "tanh",
        "char_cnn.max_characters_per_token": 7,
        "char_cnn.filters": [[7, 3], [2, 1], [2, 2]],
        "char_cnn.n_characters": 261,
    },
    "projected to more": {
        "lstm.dim": 2,
        "lstm.projection_dim": 4,
        "lstm.cell_clip": 1,
        "lstm.proj_clip": ...,
    },
}
LENGTHS, N = (5, 1, 0, 3), 6


def networks(o: ElmoOptions) -> tuple[CharacterCNN, BidirectionalLM]:
    """Returns the two networks of these options."""
    characters = CharacterCNN(NUM_IDS, o.char_dim, o.filters, o.num_highways, o.activation, o.projection_dim)
    return characters, BidirectionalLM(o.num_layers, o.lstm_dim, o.cell_clip, o.proj_clip, o.skip_connections)


def run(module: nn.Module, params: Any, *inputs: Any) -> Any:
    """Returns the output of a compiled module."""
    return jax.jit(module.apply)({"params": params}, *inputs)


@pytest.mark.parametrize("changes", CASES.values(), ids=CASES)
def test_equals_loops_over_the_files(tmp_path: Path, changes: dict[str, Any]) -> None:
    tiny = tiny_elmo.write(tmp_path, tiny_elmo.options(changes))
    files = read_elmo(tiny.options_path, tiny.weights_path)
    o, (characters, lm) = files.options, networks(files.options)

    words = ["<S>", "Köln", "", "antidisestablishmentarianism", "</S>"]
    ids = char_ids(words, o.max_characters)
    vectors = np.asarray(run(characters, files.params["characters"], ids))
    expected = [elmo_by_loops.word_vector(tiny.options, tiny.weights, word) for word in words]
    np.testing.assert_allclose(vectors, expected, rtol=1e-5, atol=1e-5)

    tokens, mask = normal(0, len(LENGTHS), N, o.projection_dim), lengths_to_mask(LENGTHS, N)
    state = lm.start(len(LENGTHS), o.projection_dim)
    before: list[elmo_by_loops.States] = [{} for _ in LENGTHS]
    for _ in range(2):  # first from zero, then from the state after the first time
        layers, state = run(lm, files.params["lstms"], tokens, mask, state)
        assert not np.asarray(layers)[:, ~mask].any()
        for b, length in enumerate(LENGTHS):
            if length == 0:
                assert not any(leaf[:, :, b].any() for leaf in state)
                continue
            sentence = (tiny.options, tiny.weights, tokens[b, :length], before[b])
            expected, before[b] = elmo_by_loops.language_model(*sentence)
            np.testing.assert_allclose(layers[:, b, :length], expected, rtol=1e-5, atol=1e-5)
            for (direction, layer), (output, cell) in before[b].items():
                np.testing.assert_allclose(state.output[layer, direction, b], output, rtol=1e-5, atol=1e-5)
                np.testing.assert_allclose(state.cell[layer, direction, b], cell, rtol=1e-5, atol=1e-5)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[BidirectionalLM, Any]:
    """Returns a language model with p = 3, and its parameters."""
    tiny = tiny_elmo.write(tmp_path_factory.mktemp("elmo"), tiny_elmo.options({"lstm.proj_clip": None}))
    files = read_elmo(tiny.options_path, tiny.weights_path)
    return networks(files.options)[1], files.params["lstms"]


def test_no_direction_reads_tokens_that_come_later_in_its_order(small: tuple[BidirectionalLM, Any]) -> None:
    lm, params = small
    mask, n = jnp.ones((1, 4), bool), 4
    layers = jax.jit(jax.jacrev(lambda x: lm.apply({"params": params}, x, mask, lm.start(1, 3))[0][:, 0]))(
        normal(0, 1, n, 3)
    )
    reads = np.abs(layers[:, :, :, 0]).reshape(3, n, 2, 3, n, 3).sum((3, 5)) > 0  # [layer, token, way, token]
    position = np.arange(n)
    for layer, way in np.ndindex(3, 2):
        earlier = position[None] <= position[:, None]
        expected = np.eye(n, dtype=bool) if layer == 0 else earlier if way == 0 else earlier.T
        np.testing.assert_array_equal(reads[layer, :, way], expected)


def test_padding_never_leaks(small: tuple[BidirectionalLM, Any]) -> None:
    lm, params = small
    mask, tokens = lengths_to_mask(LENGTHS, N), normal(0, len(LENGTHS), N, 3)
    start = LSTMState(normal(1, 2, 2, 4, 3), normal(2, 2, 2, 4, 5))
    garbage = np.where(mask[:, :, None], tokens, 1e3)
    clean, dirty = (run(lm, params, x, mask, start) for x in (tokens, garbage))
    jax.tree.map(np.testing.assert_array_equal, clean, dirty)
    for before, after in zip(start, clean[1], strict=True):  # of the empty sentence
        np.testing.assert_array_equal(after[:, :, 2], before[:, :, 2])


def test_extreme_tokens_have_finite_vectors_within_the_bounds(tmp_path: Path) -> None:
    tiny = tiny_elmo.write(tmp_path, tiny_elmo.options())
    files = read_elmo(tiny.options_path, tiny.weights_path)
    lm, mask = networks(files.options)[1], np.ones((1, N), bool)
    tokens = normal(0, 1, N, 3, scale=1e6)
    layers, state = run(lm, files.params["lstms"], tokens, mask, lm.start(1, 3))
    assert np.isfinite(layers).all()
    assert np.abs(layers[1]).max() <= np.float32(0.5)
    assert np.abs(state.output).max() <= np.float32(0.5)
    assert np.abs(state.cell).max() == np.float32(0.7)

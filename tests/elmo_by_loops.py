"""Plain functions that compute the vectors of a tiny ELMo from its files."""

from collections.abc import Sequence

import numpy as np

from experiments.faults.tiny_elmo import Options, Tiny, Weights


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Returns 1 / (1 + e^-x)."""
    return 1 / (1 + np.exp(-x))


def clip(x: np.ndarray, bound: float | None) -> np.ndarray:
    """Returns x limited to [-bound, bound]; no bound if it is None or 0."""
    return np.clip(x, -bound, bound) if bound else x


def word_vector(opts: Options, weights: Weights, word: str) -> np.ndarray:
    """Returns a word's vector [p]: characters, convolutions at every position, highway layers, projection."""
    cnn = opts["char_cnn"]
    room = cnn["max_characters_per_token"]
    inner = {"<S>": [256], "</S>": [257]}.get(word, list(word.encode("utf-8", "ignore")))
    codes = [258, *inner[: room - 2], 259]
    x = weights["char_embed"][codes + [260] * (room - len(codes))]
    maxima = []
    for i, (width, count) in enumerate(cnn["filters"]):
        kernel = weights[f"CNN/W_cnn_{i}"].reshape(-1, count)
        windows = [x[j : j + width].reshape(-1) @ kernel for j in range(room - width + 1)]
        maxima.append(np.max(windows, 0) + weights[f"CNN/b_cnn_{i}"])
    y = np.concatenate(maxima)
    y = np.tanh(y) if cnn["activation"] == "tanh" else np.maximum(y, 0)
    for i in range(cnn["n_highway"]):
        affine = lambda gate: y @ weights[f"CNN_high_{i}/W_{gate}"] + weights[f"CNN_high_{i}/b_{gate}"]  # noqa: B023, E731
        new = sigmoid(affine("carry"))
        y = new * np.maximum(affine("transform"), 0) + (1 - new) * y
    return y @ weights["CNN_proj/W_proj"] + weights["CNN_proj/b_proj"]


States = dict[tuple[int, int], tuple[np.ndarray, np.ndarray]]
"""(output, cell) by direction and layer; a missing entry is zero."""


def language_model(
    opts: Options, weights: Weights, tokens: np.ndarray, states: States
) -> tuple[np.ndarray, States]:
    """Returns all layers of a sentence, [n p] -> [l n 2p], and the states after it."""
    lstm, directions, after = opts["lstm"], [], {}
    for direction in range(2):
        x = tokens[::-1] if direction else tokens
        layers = [x]
        for layer in range(lstm["n_layers"]):
            cell = f"RNN_{direction}/RNN/MultiRNNCell/Cell{layer}/LSTMCell"
            kernel, bias, projection = (weights[f"{cell}/{name}"] for name in ("W_0", "B", "W_P_0"))
            h, c = states.get((direction, layer), (np.zeros(x.shape[1]), np.zeros(len(projection))))
            outputs = []
            for vector in x:
                i, j, f, o = np.split(np.concatenate([vector, h]) @ kernel + bias, 4)
                c = clip(sigmoid(f + 1) * c + sigmoid(i) * np.tanh(j), lstm.get("cell_clip"))
                h = clip((sigmoid(o) * np.tanh(c)) @ projection, lstm.get("proj_clip"))
                outputs.append(h)
            after[direction, layer] = (h, c)
            skip = lstm.get("use_skip_connections") and layer > 0
            x = np.array(outputs) + x if skip else np.array(outputs)
            layers.append(x)
        directions.append(np.stack(layers)[:, ::-1] if direction else np.stack(layers))
    return np.concatenate(directions, -1), after


def encode(tiny: Tiny, sentences: Sequence[Sequence[str]], *, stateful: bool = False) -> list[np.ndarray]:
    """Returns all layers of each sentence, without its boundaries.

    Args:
      tiny: the network's files.
      sentences: the tokens of each sentence.
      stateful: whether a sentence starts from the states after the sentence before it.
    """
    result, states = [], {}
    for sentence in sentences:
        words = ["<S>", *sentence, "</S>"]
        tokens = np.stack([word_vector(tiny.options, tiny.weights, word) for word in words])
        layers, after = language_model(tiny.options, tiny.weights, tokens, states)
        result.append(layers[:, 1:-1])
        states = after if stateful else {}
    return result

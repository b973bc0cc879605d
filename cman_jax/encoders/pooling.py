"""Vectors of words from vectors of their pieces."""

import numpy as np
from jaxtyping import Float, Int

from cman_jax.encoders.windows import Window


def add_means(
    features: Float[np.ndarray, "l n d"],
    states: Float[np.ndarray, "l p d"],
    words: Int[np.ndarray, " q"],
    window: Window,
) -> None:
    """Adds the share of a window's pieces to the means of their words, in place.

    Args:
      states: of the window's row, [CLS] before the pieces.
      words: of all pieces of the sentence.
    """
    begin = 1 + window.first - window.start
    spoken_for = states[:, begin : begin + window.last - window.first]
    here, first = np.unique(words[window.first : window.last], return_index=True)
    sizes = np.bincount(words)[here].astype(np.float32)
    features[:, here] += np.add.reduceat(spoken_for, first, axis=1) / sizes[None, :, None]

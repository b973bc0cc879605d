"""Mean pooling: a word's vector is the mean of its pieces' vectors.

The means are summed up window by window, because the pieces of a very long word can lie in several windows.
"""

import numpy as np
from jaxtyping import Float, Int

from cman_jax.encoders.windows import Window


def add_means(
    features: Float[np.ndarray, "l n d"],
    states: Float[np.ndarray, "l p d"],
    words: Int[np.ndarray, " q"],
    window: Window,
) -> None:
    """Adds the pieces of one window to the means of their words, in place.

    Each piece is divided by the number of its word's pieces in the whole sentence. After all windows have
    been added, the features are the means. A word without pieces keeps the vector zero.

    Args:
      features: the means so far, for all words of the sentence; zero before the first window.
      states: the hidden states of the window's row, with [CLS] before the pieces.
      words: index of the word that each piece of the sentence belongs to.
      window: the window.
    """
    begin = 1 + window.first - window.start
    kept = states[:, begin : begin + window.last - window.first]
    here, first = np.unique(words[window.first : window.last], return_index=True)
    sizes = np.bincount(words)[here].astype(np.float32)
    features[:, here] += np.add.reduceat(kept, first, axis=1) / sizes[None, :, None]

"""Random splits of a corpus by document, which depend on the seed and the documents' order alone."""

import random
from collections.abc import Mapping, Sequence

from cman_jax.errors import InputError


def random_order(count: int, seed: int) -> list[int]:
    """Returns the numbers below `count` in random order, the same in every version of Python."""
    rng = random.Random(seed)
    draws = [rng.random() for _ in range(count)]  # other methods may change between versions
    return sorted(range(count), key=lambda index: draws[index])


def draw_documents(documents: Sequence[str], shares: Mapping[str, float], seed: int) -> dict[str, str]:
    """Returns the split of each document.

    The split with the largest share gets what rounding leaves. Every other split with a share gets at least
    one document if there are enough of them.

    Args:
      documents: the document of each sentence.
      shares: the share of the documents that each split gets; the sum is 1.
      seed: the seed of the draw.
    """
    names = list(dict.fromkeys(documents))
    order = [names[index] for index in random_order(len(names), seed)]
    largest = max(shares, key=lambda name: shares[name])
    split_of = dict.fromkeys(names, largest)
    for name, share in shares.items():
        if name != largest and share > 0:
            count = min(max(1, round(share * len(names))), len(order) - 1)
            for document in order[:count]:
                split_of[document] = name
            order = order[count:]
    return split_of


def parse_shares(text: str) -> tuple[float, float, float]:
    """Returns the shares of train, dev and test in a text such as "0.8,0.1,0.1".

    Raises:
      InputError: the text is not three numbers of at least 0 with the sum 1, or train or dev gets nothing.
    """
    try:
        shares = [float(share) for share in text.split(",")]
    except ValueError:
        shares = []
    if len(shares) != 3 or not all(0 <= share <= 1 for share in shares) or abs(sum(shares) - 1) > 1e-6:
        expected = "three shares with the sum 1, of train, dev and test, such as 0.8,0.1,0.1"
        raise InputError("split", None, text, expected)
    if not shares[0] or not shares[1]:
        raise InputError("split", None, text, "shares above 0 for train and dev")
    return shares[0], shares[1], shares[2]

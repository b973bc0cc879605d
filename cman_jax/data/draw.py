"""Random splits of a corpus by document, which depend on the seed and the documents' order alone."""

import random
from collections.abc import Mapping, Sequence


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
    rng = random.Random(seed)
    draws = [rng.random() for _ in names]  # random() returns the same numbers in every version of Python
    order = [names[i] for i in sorted(range(len(names)), key=lambda i: draws[i])]
    largest = max(shares, key=lambda name: shares[name])
    split_of = dict.fromkeys(names, largest)
    for name, share in shares.items():
        if name != largest and share > 0:
            count = min(max(1, round(share * len(names))), len(order) - 1)
            for document in order[:count]:
                split_of[document] = name
            order = order[count:]
    return split_of

"""False alarms: what a system extracts from sentences without any relation."""

from collections.abc import Sequence
from typing import NamedTuple

from cman_jax.types import Annotation


class Alarms(NamedTuple):
    """Counts of predictions for sentences that have no relation, so that every triple is wrong.

    Attributes:
      sentences: number of sentences.
      with_triple: number of sentences with at least one triple.
      triples: number of triples.
    """

    sentences: int
    with_triple: int
    triples: int

    @property
    def share(self) -> float:
        """Returns the share of sentences with at least one triple, in %; 0 without sentences."""
        return 100 * self.with_triple / max(self.sentences, 1)


def count_alarms(annotations: Sequence[Annotation]) -> Alarms:
    """Returns the counts over the predictions for sentences without relations."""
    numbers = [len(annotation.relations) for annotation in annotations]
    return Alarms(len(numbers), sum(number > 0 for number in numbers), sum(numbers))

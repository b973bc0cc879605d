"""The sentences of a file or dataset that stay on disk, all of which are read and checked at the start."""

from abc import ABC, abstractmethod
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cman_jax.data.corpus import parse_sentence
from cman_jax.data.formats.canonical import repaired
from cman_jax.data.formats.oddities import Oddity, Reading
from cman_jax.data.stored import Stored, first_repeat
from cman_jax.data.summary import summarise
from cman_jax.errors import InputError
from cman_jax.files import show
from cman_jax.types import Sentence


class Item(NamedTuple):
    """A sentence of a place on disk.

    Attributes:
      sentence: the sentence.
      document: the name of the document that the sentence comes from.
    """

    sentence: Sentence
    document: str


class Values(ABC):
    """The sentences of a place on disk, as JSON values of the canonical format.

    Attributes:
      path: the place, in which sentence `i` is number `i + 1`, for error messages.
    """

    path: Path

    @abstractmethod
    def __len__(self) -> int:
        """Returns the number of sentences."""

    @abstractmethod
    def value(self, index: int) -> tuple[Any, str | None]:
        """Returns a sentence's value, and the name of its document; None: the sentence is a document.

        Raises:
          InputError: the value cannot be read.
        """

    def item(self, index: int) -> tuple[Item, list[Oddity]]:
        """Returns a sentence without what it states twice, and an oddity for each repeat.

        Raises:
          InputError: the sentence cannot be read, or is malformed.
        """
        value, document = self.value(index)
        value, oddities = repaired(value, self.path, index + 1)
        sentence = parse_sentence(value, self.path, index + 1)
        return Item(sentence, sentence.id if document is None else document), oddities


class Records(Stored):
    """The sentences of a place on disk, which are checked whenever they are read.

    Args:
      values: the sentences' values.

    Attributes:
      oddities: everything that is odd but can be read.

    Raises:
      InputError: a sentence is malformed, an id occurs twice, or there is no sentence.
    """

    def __init__(self, values: Values):
        self._values = values
        self.oddities: list[Oddity] = []
        if not len(self):
            raise InputError(values.path, None, "no sentence", "at least one sentence")
        hashes = array("q")
        try:
            self.summary = summarise(self._checked(hashes))
        except InputError:
            self._refuse_repeats(hashes)  # a repeat before the malformed sentence is the first error
            raise
        self._refuse_repeats(hashes)

    def _refuse_repeats(self, hashes: array) -> None:
        """Keeps the hashes of the ids, and raises an InputError if an id occurs twice."""
        self.id_hashes = np.array(hashes, np.int64)
        if repeat := first_repeat(self.id_hashes, lambda place: self.read(place).id):
            first, again = repeat
            found = f"id {show(self.read(again).id)} of line {first + 1} again"
            raise InputError(self._values.path, again + 1, found, "ids that occur once")

    def _checked(self, hashes: array) -> Iterator[Sentence]:
        """Yields all sentences, adds the hashes of their ids to a list, and notes what is odd."""
        for index in range(len(self)):
            item, oddities = self._values.item(index)
            hashes.append(hash(item.sentence.id))
            self.oddities += oddities
            yield item.sentence

    def __len__(self) -> int:
        return len(self._values)

    def read(self, index: int) -> Sentence:
        """Returns a sentence; see `Stored`."""
        return self._values.item(index)[0].sentence

    def document(self, index: int) -> str:
        """Returns the name of a sentence's document."""
        return self._values.item(index)[0].document

    def reading(self) -> Reading:
        """Returns the sentences as readers of annotated corpora do."""
        return Reading(self, self.oddities, _Documents(self))


class _Documents(Sequence[str]):
    """The documents of sentences that stay on disk."""

    def __init__(self, records: Records):
        self._records = records

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index: Any) -> Any:
        """Returns the name of a sentence's document, or those of a slice."""
        positions = range(len(self))[index]
        if isinstance(positions, int):
            return self._records.document(positions)
        return [self._records.document(i) for i in positions]

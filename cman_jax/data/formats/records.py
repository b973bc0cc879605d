"""The sentences of a file or dataset that stay on disk, all of which are read and checked at the start."""

from abc import ABC, abstractmethod
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cman_jax.data.corpus import parse_sentence
from cman_jax.data.formats.canonical import without_repeats
from cman_jax.data.formats.oddities import Oddity, Reading
from cman_jax.data.stored import Stored, first_repeat
from cman_jax.data.summary import summarise
from cman_jax.errors import InputError
from cman_jax.files import show
from cman_jax.types import Sentence


class Values(ABC):
    """The sentences of a place on disk, as JSON values of the canonical format."""

    @abstractmethod
    def __len__(self) -> int:
        """Returns the number of sentences."""

    @abstractmethod
    def value(self, index: int) -> tuple[Any, str | None]:
        """Returns a sentence's value, and the name of its document; None: the sentence is a document.

        Raises:
          InputError: the value cannot be read.
        """


class Records(Stored):
    """The sentences of a place on disk, which are checked whenever they are read.

    Args:
      path: the place, in which sentence `i` is number `i + 1`, for error messages.
      values: the values of the sentences.

    Attributes:
      oddities: everything that is odd but can be read.

    Raises:
      InputError: a sentence is malformed, an id occurs twice, or there is no sentence.
    """

    def __init__(self, path: Path, values: Values):
        self._path, self._values = path, values
        self.oddities: list[Oddity] = []
        if not len(self):
            raise InputError(path, None, "no sentence", "at least one sentence")
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
            raise InputError(self._path, again + 1, found, "ids that occur once")

    def _checked(self, hashes: array) -> Iterator[Sentence]:
        """Yields all sentences, adds the hashes of their ids to a list, and notes what is odd."""
        for index in range(len(self)):
            sentence, _, repeats = self._item(index)
            hashes.append(hash(sentence.id))
            self.oddities += [
                Oddity(str(self._path), index + 1, kind, f"sentence {show(sentence.id)}, {what}")
                for kind, what in repeats
            ]
            yield sentence

    def _item(self, index: int) -> tuple[Sentence, str, list[tuple[str, str]]]:
        """Returns a sentence, its document, and (kind, words) of what it states twice."""
        value, document = self._values.value(index)
        value, repeats = without_repeats(value)
        sentence = parse_sentence(value, self._path, index + 1)
        return sentence, sentence.id if document is None else document, repeats

    def __len__(self) -> int:
        return len(self._values)

    def read(self, index: int) -> Sentence:
        """Returns a sentence; see `Stored`."""
        return self._item(index)[0]

    def document(self, index: int) -> str:
        """Returns the name of a sentence's document."""
        return self._item(index)[1]

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

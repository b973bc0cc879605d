"""Items in groups: as many as have arrived from a stream, or as many as fit."""

import itertools
import threading
from collections.abc import Iterable, Iterator
from queue import Empty, Queue
from typing import NamedTuple, TypeVar

T = TypeVar("T")


class _End(NamedTuple):
    """The end of the items. Attributes: error: what ended them early."""

    error: BaseException | None


def groups_of(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yields the items in lists of this size; the last list may be shorter.

    An error comes after all items before it.
    """
    items, error = iter(items), None
    while error is None:
        group: list[T] = []
        try:
            for item in itertools.islice(items, size):
                group.append(item)
        except Exception as raised:
            error = raised
        if group:
            yield group
        elif error is None:
            return
    raise error


def groups_as_they_arrive(items: Iterable[T], most: int) -> Iterator[list[T]]:
    """Yields lists of the items that have arrived, so that no item waits for a later one.

    A thread reads ahead, as many items as fit a list. An error comes after all items before it.

    Args:
      items: the items; the next item may take any time to arrive.
      most: the largest number of items in a list.
    """
    arrived: Queue[T | _End] = Queue(most)

    def read() -> None:
        error = None
        try:
            for item in items:
                arrived.put(item)
        except BaseException as raised:  # it is raised again where the items are used
            error = raised
        arrived.put(_End(error))

    threading.Thread(target=read, daemon=True).start()
    end = None
    while end is None:
        group, end = _waiting(arrived, most)
        if group:
            yield group
    if end.error is not None:
        raise end.error


def _waiting(arrived: "Queue[T | _End]", most: int) -> tuple[list[T], _End | None]:
    """Returns the items in the queue, after waiting for the first, and the end if it is among them."""
    group: list[T] = []
    try:
        while len(group) < most:
            item = arrived.get(block=not group)
            if isinstance(item, _End):
                return group, item
            group.append(item)
    except Empty:
        pass
    return group, None

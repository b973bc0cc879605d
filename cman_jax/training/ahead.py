"""The batches of an epoch, which a thread builds ahead of the devices."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Generic, TypeVar

T = TypeVar("T")

AHEAD = 4
"""The number of batches that are built before they are needed."""


class BuiltAhead(Generic[T]):
    """An iterator over batches in order, which a thread builds while earlier ones are computed on.

    It is a context manager; leaving it ends the thread after the batch that it is building.

    Args:
      plans: what the batches are built from.
      build: builds a batch; its errors are raised when the batch is asked for.

    Attributes:
      seconds_waited: how long the batches were waited for.
    """

    def __init__(self, plans: Iterable[Any], build: Callable[[Any], T]):
        self._plans, self._build = iter(plans), build
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="batches")
        self._building: deque[Future[T]] = deque()
        self.seconds_waited = 0.0

    def __enter__(self) -> "BuiltAhead[T]":
        return self

    def __exit__(self, *error: Any) -> None:
        self._thread.shutdown(cancel_futures=True)

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        """Returns the next batch."""
        for plan in self._plans:
            self._building.append(self._thread.submit(self._build, plan))
            if len(self._building) > AHEAD:
                break
        if not self._building:
            raise StopIteration
        start = time.perf_counter()
        batch = self._building.popleft().result()
        self.seconds_waited += time.perf_counter() - start
        return batch

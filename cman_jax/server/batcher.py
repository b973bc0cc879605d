"""Requests of many clients, extracted together: one thread owns the extractor, and a queue collects for it.

The thread takes the sentences that wait, up to a batch, and waits some milliseconds for more if there are
fewer. Requests with other decoding options wait for the next batch. If a batch fails, each of its requests is
extracted again on its own, so that a request that cannot be served does not fail its neighbours.
"""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple

from cman_jax.data.text import Document
from cman_jax.inference.record import Record

Extract = Callable[[list[Document], tuple[Any, ...]], list[Record]]
"""Extracts from documents with decoding options; returns a record for each document."""


class Queueing(NamedTuple):
    """How requests are collected.

    Attributes:
      batch: sentences that are extracted together; a request with more is a batch of its own.
      wait: seconds that the first request of a batch waits for others.
      most_waiting: sentences that may wait; further requests are refused.
    """

    batch: int = 64
    wait: float = 0.005
    most_waiting: int = 4096


class QueueFull(Exception):
    """The error for a request that the queue has no room for."""


class Job(NamedTuple):
    """A request in the queue. Attributes: arrived: the time of `time.monotonic`."""

    documents: list[Document]
    options: tuple[Any, ...]
    found: Future[list[Record]]
    arrived: float


class Batcher:
    """The queue and the thread that empties it.

    Args:
      extract: is called in the thread only.
      queueing: how requests are collected.
      on_batch: is called with the number of requests and of sentences of every batch.
    """

    def __init__(self, extract: Extract, queueing: Queueing, on_batch: Callable[[int, int], None]):
        self._extract, self._queueing, self._on_batch = extract, queueing, on_batch
        self._changed = threading.Condition()
        self._jobs: list[Job] = []
        self._closed = False
        self._thread: threading.Thread | None = None

    def start(self, first: Callable[[], None] = lambda: None) -> None:
        """Starts the thread.

        Args:
          first: is called in the thread before the first batch.
        """

        def run() -> None:
            first()
            while jobs := self._next_batch():
                self._finish(jobs)

        self._thread = threading.Thread(target=run, name="extractor")
        self._thread.start()

    def submit(self, documents: list[Document], options: tuple[Any, ...]) -> Future[list[Record]]:
        """Returns the future records of the documents.

        A future that is cancelled before its batch begins costs no work.

        Raises:
          QueueFull: too many sentences wait, or the queue is closed.
        """
        job = Job(documents, options, Future(), time.monotonic())
        with self._changed:
            waiting = self._waiting()
            if self._closed or (waiting and waiting + len(documents) > self._queueing.most_waiting):
                raise QueueFull(f"{waiting} sentences wait")
            self._jobs.append(job)
            self._changed.notify()
        return job.found

    def waiting(self) -> int:
        """Returns the number of sentences in the queue."""
        with self._changed:
            return self._waiting()

    def stop(self) -> None:
        """Refuses further requests, and returns when all accepted ones are finished."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread:
            self._thread.join()

    def _waiting(self) -> int:
        return sum(len(job.documents) for job in self._jobs)

    def _next_batch(self) -> list[Job]:
        """Waits for requests, and returns those of the next batch; none if the queue is closed and empty."""
        most = self._queueing.batch
        with self._changed:
            self._changed.wait_for(lambda: self._jobs or self._closed)
            if not self._jobs:
                return []
            end = self._jobs[0].arrived + self._queueing.wait
            self._changed.wait_for(
                lambda: self._waiting() >= most or self._closed, max(0.0, end - time.monotonic())
            )
            taken, sentences = [self._jobs[0]], len(self._jobs[0].documents)
            for job in self._jobs[1:]:
                if job.options == taken[0].options and sentences + len(job.documents) <= most:
                    taken.append(job)
                    sentences += len(job.documents)
            chosen = set(map(id, taken))
            self._jobs = [job for job in self._jobs if id(job) not in chosen]
            return taken

    def _finish(self, jobs: Sequence[Job]) -> None:
        """Extracts those requests that nobody has given up."""
        jobs = [job for job in jobs if job.found.set_running_or_notify_cancel()]
        if not jobs:
            return
        self._on_batch(len(jobs), sum(len(job.documents) for job in jobs))
        self._extract_for(jobs)

    def _extract_for(self, jobs: Sequence[Job]) -> None:
        """Extracts requests together, or one by one if that fails, and hands out the records."""
        try:
            found = self._extract([document for job in jobs for document in job.documents], jobs[0].options)
        except Exception as error:
            if len(jobs) > 1:
                for job in jobs:
                    self._extract_for([job])
                return
            jobs[0].found.set_exception(error)
            return
        start = 0
        for job in jobs:
            job.found.set_result(found[start : start + len(job.documents)])
            start += len(job.documents)

"""The queue: what shares a batch, whose records are whose, failures, the limit, and the end."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from cman_jax.data.text import Document, from_tokens
from cman_jax.inference.record import Record
from cman_jax.server.batcher import Batcher, QueueFull, Queueing
from cman_jax.types import Annotation, Sentence

QUEUEING = Queueing()


def documents(*names: str) -> list[Document]:
    return [from_tokens(Sentence(name, ("word",))) for name in names]


class Slow:
    """An extraction that waits until it is released, and fails for documents named "bad"."""

    def __init__(self) -> None:
        self.released, self.begun = threading.Event(), threading.Event()
        self.batches: list[tuple[list[str], tuple[Any, ...]]] = []

    def __call__(self, given: list[Document], options: tuple[Any, ...]) -> list[Record]:
        self.begun.set()
        assert self.released.wait(30)
        names = [document.sentence.id for document in given]
        self.batches.append((names, options))
        if "bad" in names:
            raise RuntimeError("bad")
        return [Record.of(document, Annotation((), ())) for document in given]


def ids(found: Future[list[Record]]) -> list[str]:
    return [record["id"] for record in found.result(30)]


def started(queueing: Queueing = QUEUEING) -> tuple[Batcher, Slow, Future[list[Record]]]:
    """Returns a queue whose thread is held in a first batch, so that what follows waits."""
    slow = Slow()
    batcher = Batcher(slow, queueing, lambda requests, sentences: None)
    batcher.start()
    first = batcher.submit(documents("first"), (None,))
    assert slow.begun.wait(30)
    return batcher, slow, first


def test_requests_that_wait_share_a_batch_and_each_gets_its_own_records() -> None:
    batcher, slow, first = started()
    waiting = [batcher.submit(documents(f"{i}.1", f"{i}.2"), (None,)) for i in range(20)]
    assert batcher.waiting() == 40
    slow.released.set()
    assert ids(first) == ["first"]
    assert [ids(found) for found in waiting] == [[f"{i}.1", f"{i}.2"] for i in range(20)]
    batcher.stop()
    assert [len(names) for names, _ in slow.batches] == [1, 40]


def test_a_batch_has_one_set_of_options_and_a_limit() -> None:
    batcher, slow, _ = started(Queueing(batch=4))
    sizes = [(3, 0.5), (2, 0.5), (1, 0.5), (1, 0.9), (9, 0.9)]
    waiting = [
        batcher.submit(documents(*[f"{i}.{j}" for j in range(size)]), (threshold,))
        for i, (size, threshold) in enumerate(sizes)
    ]
    slow.released.set()
    assert [len(ids(found)) for found in waiting] == [3, 2, 1, 1, 9]
    batcher.stop()
    assert [(len(names), options) for names, options in slow.batches[1:]] == [
        (4, (0.5,)),
        (2, (0.5,)),
        (1, (0.9,)),
        (9, (0.9,)),
    ]


def test_a_request_that_fails_does_not_fail_its_neighbours() -> None:
    batcher, slow, _ = started()
    before, bad, after = (batcher.submit(documents(name), (None,)) for name in ("a", "bad", "b"))
    slow.released.set()
    assert (ids(before), ids(after)) == (["a"], ["b"])
    with pytest.raises(RuntimeError, match="bad"):
        bad.result(30)
    assert ids(batcher.submit(documents("c"), (None,))) == ["c"]
    batcher.stop()


def test_a_full_queue_refuses_and_a_given_up_request_costs_nothing() -> None:
    batcher, slow, _ = started(Queueing(most_waiting=3))
    kept = batcher.submit(documents("a", "b"), (None,))
    given_up = batcher.submit(documents("c"), (None,))
    with pytest.raises(QueueFull, match="3 sentences wait"):
        batcher.submit(documents("d"), (None,))
    assert given_up.cancel()
    slow.released.set()
    assert ids(kept) == ["a", "b"]
    batcher.stop()
    assert [names for names, _ in slow.batches] == [["first"], ["a", "b"]]


def test_a_request_larger_than_the_queue_is_taken_when_nothing_waits() -> None:
    batcher, slow, _ = started(Queueing(most_waiting=3))
    slow.released.set()
    batcher_is_empty = batcher.submit(documents(*"abcdefgh"), (None,))
    assert ids(batcher_is_empty) == list("abcdefgh")
    batcher.stop()


def test_the_stop_finishes_what_was_accepted_and_refuses_the_rest() -> None:
    batcher, slow, first = started()
    waiting = batcher.submit(documents("a"), (None,))
    with ThreadPoolExecutor(1) as pool:
        stopping = pool.submit(batcher.stop)
        while True:
            try:
                found = batcher.submit(documents("late"), (None,))
            except QueueFull:
                break
            found.cancel()
        slow.released.set()
        stopping.result(30)
    assert (ids(first), ids(waiting)) == (["first"], ["a"])

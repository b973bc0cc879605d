"""What the service counts, in the text form of Prometheus."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


class Metrics:
    """The counts of one server.

    Args:
      waiting: returns the number of sentences in the queue.
    """

    def __init__(self, waiting: Callable[[], int]):
        self._registry = CollectorRegistry()
        shared = {"registry": self._registry}
        labels = ("path", "status")
        self._requests = Counter("cman_requests", "Answered requests.", labels, **shared)
        self._seconds = Histogram(
            "cman_request_seconds",
            "Seconds from a request to its answer.",
            ("path",),
            buckets=_SECONDS,
            **shared,
        )
        self._batch_requests = Histogram(
            "cman_batch_requests", "Requests that were extracted together.", buckets=_SIZES, **shared
        )
        self._batch_sentences = Histogram(
            "cman_batch_sentences", "Sentences that were extracted together.", buckets=_SIZES, **shared
        )
        queue = Gauge("cman_waiting_sentences", "Sentences in the queue.", **shared)
        queue.set_function(waiting)

    def count_request(self, path: str, status: int, seconds: float) -> None:
        """Counts an answered request."""
        self._requests.labels(path, str(status)).inc()
        self._seconds.labels(path).observe(seconds)

    def count_batch(self, requests: int, sentences: int) -> None:
        """Counts a batch."""
        self._batch_requests.observe(requests)
        self._batch_sentences.observe(sentences)

    def text(self) -> bytes:
        """Returns all counts."""
        return generate_latest(self._registry)

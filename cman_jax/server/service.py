"""The extractor behind the service: compiled before the first request, and called by one thread."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from cman_jax.config import Config
from cman_jax.data.text import Document
from cman_jax.inference.extractor import Extractor
from cman_jax.inference.record import Record
from cman_jax.server.batcher import Batcher, QueueFull, Queueing
from cman_jax.server.metrics import Metrics
from cman_jax.server.requests import OPTIONS, Refused, Wanted


class Service:
    """A trained network that answers requests.

    Args:
      extractor: the network.
      queueing: how requests are collected.
      on_start: is called when the programs are compiled, with None, or with the error of the attempt.

    Attributes:
      config: the settings of the network.
      metrics: the counts.
      ready: whether requests are accepted.
    """

    def __init__(
        self,
        extractor: Extractor,
        queueing: Queueing,
        on_start: Callable[[Exception | None], None] = lambda error: None,
    ):
        self._extractor, self._on_start = extractor, on_start
        self._batcher = Batcher(self._extract, queueing, self._count)
        self.config: Config = extractor.system.config
        self.metrics = Metrics(self._batcher.waiting)
        self.ready = False

    def start(self) -> None:
        """Starts the thread, which compiles first."""
        self._batcher.start(self._compile)

    def stop(self) -> None:
        """Finishes the accepted requests, and refuses others."""
        self._batcher.stop()

    def submit(self, wanted: Wanted) -> Future[list[Record]]:
        """Returns the future records of a request.

        Raises:
          Refused: the programs are not compiled yet, or too many sentences wait.
        """
        if not self.ready:
            raise Refused(503, "server: found a start in progress, expected a request after it", 5)
        try:
            return self._batcher.submit(wanted.documents, wanted.options)
        except QueueFull as full:
            message = f"server: found a full queue ({full}), expected a request a little later"
            raise Refused(503, message, 1) from None

    def _compile(self) -> None:
        """Extracts from one sentence of every length that batches are padded to, which compiles programs."""
        try:
            self._extractor([["a"] * length for length in self.config.data.bucket_lengths])
        except Exception as error:
            self._on_start(error)
            return
        self.ready = True
        self._on_start(None)

    def _extract(self, documents: list[Document], options: tuple[Any, ...]) -> list[Record]:
        return self._extractor(documents, **dict(zip(OPTIONS, options, strict=True)))

    def _count(self, requests: int, sentences: int) -> None:
        self.metrics.count_batch(requests, sentences)

"""A network with random parameters that compiles fast, as a service."""

import threading
from collections.abc import Iterator
from typing import Any

import jax
import pytest
from fastapi.testclient import TestClient

from cman_jax.config import Config
from cman_jax.inference.extractor import Extractor
from cman_jax.run.system import System
from cman_jax.server.batcher import Queueing
from cman_jax.server.requests import Limits
from cman_jax.server.service import Service
from cman_jax.server.web import application
from tests.builders import SENTENCES, SMALL_DATA, SMALL_MODEL, changed, normal, quick_compilation, vocabs_of

QUEUEING = Queueing()
LIMITS = Limits(bytes=20_000, texts=50, characters=2000)


@pytest.fixture(scope="session")
def extractor() -> Iterator[Extractor]:
    config = Config(model=changed(SMALL_MODEL, sequence_layer="mlp", num_bsa=1), data=SMALL_DATA)
    system = System.build(config, vocabs_of(SENTENCES))
    shapes, tree = jax.tree.flatten(system.param_shapes())
    params = jax.tree.unflatten(tree, [normal(seed, *leaf.shape) for seed, leaf in enumerate(shapes)])
    with quick_compilation():
        yield Extractor(system, params, 1)


@pytest.fixture(scope="session")
def client(extractor: Extractor) -> Iterator[TestClient]:
    """A client of a service that is ready."""
    with serving(extractor) as client:
        yield client


def serving(extractor: Any, queueing: Queueing = QUEUEING, seconds: float = 60.0) -> "Serving":
    """Returns a context with a client of a service of its own."""
    return Serving(extractor, queueing, seconds)


class Serving:
    """A service, from its start to its stop."""

    def __init__(self, extractor: Any, queueing: Queueing, seconds: float):
        self._started = threading.Event()
        self.service = Service(extractor, queueing, lambda error: self._started.set())
        self._client = TestClient(application(self.service, LIMITS, seconds))

    def __enter__(self) -> TestClient:
        self._client.__enter__()
        assert self._started.wait(120)
        return self._client

    def __exit__(self, *error: Any) -> None:
        self._client.__exit__(*error)

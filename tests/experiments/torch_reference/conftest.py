"""The fixtures of the twin's tests: real sentences, one thread, and fast compilation."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cman_jax.types import Sentence
from data_prep.conll04 import read_split
from tests.builders import quick_compilation


@pytest.fixture(scope="module", autouse=True)
def compilation() -> Iterator[None]:
    with quick_compilation():
        yield


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Restricts PyTorch to one thread: its tensors are small, and every core has its own test process."""
    torch = pytest.importorskip("torch", reason="needs PyTorch, which is an extra")
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def sentences(shared_data: Path) -> list[Sentence]:
    """Returns the sentences of CoNLL04's dev split that have at most 16 tokens."""
    found = read_split(shared_data / "conll04" / "bekoulis", "bekoulis", "dev").sentences
    return [sentence for sentence in found if len(sentence.tokens) <= 16]

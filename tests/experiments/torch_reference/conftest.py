"""Real sentences, little threads, and programs that compile faster than they run."""

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
    """The tensors are small, and the tests already run one process per core."""
    torch = pytest.importorskip("torch", reason="needs PyTorch, which is an extra")
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def sentences(shared_data: Path) -> list[Sentence]:
    """Those of CoNLL04's dev split with up to 16 tokens."""
    found, _ = read_split(shared_data / "conll04" / "bekoulis", "bekoulis", "dev")
    return [sentence for sentence in found if len(sentence.tokens) <= 16]

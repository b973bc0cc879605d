"""The tests of a run compile far more than they compute."""

from collections.abc import Iterator

import pytest

from tests.builders import quick_compilation


@pytest.fixture(scope="module", autouse=True)
def compilation() -> Iterator[None]:
    with quick_compilation():
        yield

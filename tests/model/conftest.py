"""The setting of quick compilation, because tests of the model compile far more than they compute."""

from collections.abc import Iterator

import pytest

from tests.builders import quick_compilation


@pytest.fixture(autouse=True)
def compilation() -> Iterator[None]:
    """Switches off most optimisations of the compiler during each test."""
    with quick_compilation():
        yield

"""Settings of the tests of training, which compile far more than they compute."""

from collections.abc import Iterator

import pytest

from tests.builders import quick_compilation


@pytest.fixture(scope="module", autouse=True)
def compilation() -> Iterator[None]:
    """Turns off most compiler optimisations, which saves time in these tests."""
    with quick_compilation():
        yield

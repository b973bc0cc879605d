"""The settings and fixtures of all tests: strict broadcasting, several CPU devices, the real corpora."""

import atexit
import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

# These flags must be set before JAX starts. pmap needs several devices. Tests compile more than they compute,
# so the compiler skips optimizations, which halves the time of a training step. Its older code generator
# compiles faster.
_XLA_FLAGS = (
    "--xla_force_host_platform_device_count=4",
    "--xla_backend_optimization_level=1",
    "--xla_llvm_disable_expensive_passes=true",
    # XLA refuses to start with an unknown flag, and a later version may not know this flag.
    *(["--xla_cpu_use_fusion_emitters=false"] if version("jaxlib").startswith("0.10.") else []),
)
os.environ["XLA_FLAGS"] = " ".join((os.environ.get("XLA_FLAGS", ""), *_XLA_FLAGS))
os.environ["JAX_PLATFORMS"] = "cpu"
if "PYTEST_XDIST_WORKER" not in os.environ:
    # What the programs under test keep for later, such as compiled programs, is neither taken from the user's
    # cache nor left there. The other processes of this session inherit the place.
    os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="cman-jax-tests-")
    atexit.register(shutil.rmtree, os.environ["XDG_CACHE_HOME"], ignore_errors=True)

import jax  # noqa: E402
import jaxtyping  # noqa: E402
import pytest  # noqa: E402

from cman_jax.kept import FOLDER  # noqa: E402
from tests.forked import Forked  # noqa: E402

jax.config.update("jax_numpy_rank_promotion", "raise")

# Tracing makes millions of objects, of which hardly any is garbage; Python looks for it every 700 objects.
gc.set_threshold(20_000, 10, 10)

# The files that take longest. One that began last would keep one process busy while the other waits.
FIRST = (
    "app/test_end_to_end.py",
    "app/test_extract.py",
    "training/test_trained_layers.py",
    "training/test_population.py",
    "training/test_parallel.py",
    "training/test_loop.py",
    "training/test_step.py",
    "experiments/torch_reference/test_step.py",
    "experiments/reproduction/test_end_to_end.py",
    "experiments/test_benchmark.py",
    "test_documents.py",
    "test_site.py",
)

SHARED_DATA = Path(__file__).parent.parent.parent / "shared" / "data"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the tests of the files in `FIRST` first."""
    tests = Path(__file__).parent
    places = {tests / name: place for place, name in enumerate(FIRST)}
    assert all(path.is_file() for path in places), "FIRST names a file that does not exist"
    items.sort(key=lambda item: places.get(item.path, len(FIRST)))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Returns the folder with the real corpora and vectors, which are not part of the repository."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the real corpora are missing (expected in ../shared/data)")
    return SHARED_DATA


@pytest.fixture(scope="session")
def forked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forked]:
    """Runs commands without the seconds that their imports take."""
    with Forked(tmp_path_factory.mktemp("forked")) as forked:
        yield forked


@pytest.fixture
def unchecked() -> Iterator[None]:
    """Switches the checker of shapes off for a loop over a whole corpus; other tests check the functions."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Returns Chromium without a window, driven by playwright."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright, see .ci/run")
    found = filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))
    chromium = next(found, None)
    if chromium is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def kept_folder(tmp_path: Path) -> Iterator[Path]:
    """Yields the folder of traced programs of a process that keeps compiled programs; it does not exist."""
    before = jax.config.jax_compilation_cache_dir
    jax.config.update("jax_compilation_cache_dir", str(tmp_path / "compiled"))
    yield tmp_path / "compiled" / FOLDER
    jax.config.update("jax_compilation_cache_dir", before)

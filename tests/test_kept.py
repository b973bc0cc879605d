"""What is kept is made once, never from other circumstances, and made again if it is damaged."""

import logging
from collections.abc import Callable
from pathlib import Path

import flax
import jax
import numpy as np
import pytest

from cman_jax import kept as module
from cman_jax.kept import folder_of_kept, kept


def times_made(*parts: str) -> int:
    """Returns how often the content of two calls was computed."""
    made: list[bytes] = []

    def make() -> bytes:
        made.append(b"content")
        return made[-1]

    assert [kept(parts, make) for _ in range(2)] == [b"content"] * 2
    return len(made)


def test_equal_parts_are_made_once_and_read_by_later_processes(kept_folder: Path) -> None:
    assert times_made("a", "b") == 1
    assert times_made("a", "b") == 0
    assert len(list(kept_folder.iterdir())) == 1


def test_parts_are_told_apart(kept_folder: Path) -> None:
    assert [times_made(*parts) for parts in (("a", "b"), ("ab",), ("b", "a"), ("a", "b", ""))] == [1] * 4


@pytest.mark.parametrize(
    "change",
    [
        lambda patch: patch.setattr(module, "_source_digest", lambda: "other source"),
        lambda patch: patch.setattr(jax, "__version__", "0.0"),
        lambda patch: patch.setattr(flax, "__version__", "0.0"),
        lambda patch: patch.setattr(np, "__version__", "0.0"),
        lambda patch: patch.setattr(module.platform, "machine", lambda: "other"),
        lambda patch: patch.setattr(module, "get_backend", lambda: OtherBackend()),
        lambda patch: patch.setattr(module.jax, "local_devices", lambda: [OtherDevice()]),
        lambda patch: patch.setenv("XLA_FLAGS", "--xla_other=true"),
    ],
    ids=["source", "jax", "flax", "numpy", "machine", "backend", "device", "flags"],
)
def test_other_circumstances_are_told_apart(
    kept_folder: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[pytest.MonkeyPatch], None]
) -> None:
    assert times_made("a") == 1
    change(monkeypatch)
    assert times_made("a") == 1
    monkeypatch.undo()
    assert times_made("a") == 0


class OtherBackend:
    """Another version of the compiler."""

    platform, platform_version = "cpu", "other"


class OtherDevice:
    """Another kind of device."""

    device_kind = "other"


def test_settings_of_jax_are_told_apart(kept_folder: Path) -> None:
    assert times_made("a") == 1
    with jax.default_matmul_precision("float32"):
        assert times_made("a") == 1
    with jax.enable_x64(True):
        assert times_made("a") == 1
    assert times_made("a") == 0


def test_the_source_of_the_library_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    digests = set()
    for content in ("x = 1", "x = 2"):
        (tmp_path / "a.py").write_text(content)
        monkeypatch.setattr(module, "__file__", str(tmp_path / "kept.py"))
        digests.add(module._source_digest.__wrapped__())
    (tmp_path / "a.py").rename(tmp_path / "b.py")
    digests.add(module._source_digest.__wrapped__())
    assert len(digests) == 3


@pytest.mark.parametrize("damage", [b"", b"short", b"0" * 64 + b"content", None])
def test_a_damaged_file_is_made_again_with_one_line(
    kept_folder: Path, caplog: pytest.LogCaptureFixture, damage: bytes | None
) -> None:
    assert times_made("a") == 1
    (file,) = kept_folder.iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] if damage is None else damage)
    with caplog.at_level(logging.WARNING):
        assert times_made("a") == 1
    assert [record.getMessage() for record in caplog.records] == [f"{file} is damaged and made again"]
    assert file.read_bytes() == whole
    assert times_made("a") == 0


def test_a_folder_that_cannot_be_written_keeps_nothing(kept_folder: Path) -> None:
    kept_folder.parent.mkdir()
    kept_folder.write_text("a file in its place")
    assert times_made("a") == 2


@pytest.mark.parametrize("cache", [None, "", "gs://bucket/folder"])
def test_nothing_is_kept_without_a_folder_on_a_disk(kept_folder: Path, cache: str | None) -> None:
    jax.config.update("jax_compilation_cache_dir", cache)
    assert folder_of_kept() is None
    assert times_made("a") == 2
    assert not kept_folder.exists()

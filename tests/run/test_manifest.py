"""Tests of manifest.json: files that were changed are refused with what to do; a kill leaves no mismatch."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cman_jax.config import Config
from cman_jax.errors import InputError
from cman_jax.run import manifest
from cman_jax.run.manifest import check_all, check_listed, read_updated_json, update_json, write_files
from cman_jax.run.record import write_metrics
from cman_jax.run.system import load_config, write_config

REMEDY = "changed on purpose, delete manifest.json to accept all files of the run as they are"


def listed(workdir: Path) -> dict[str, Any]:
    """Returns the digests in the manifest."""
    return json.loads((workdir / "manifest.json").read_text())["files"]


def test_a_changed_file_is_refused_until_the_manifest_is_deleted(tmp_path: Path) -> None:
    write_config(tmp_path, Config())
    path = tmp_path / "config.json"
    path.write_text(path.read_text().replace('"threshold": 0.5', '"threshold": 0.4'))
    with pytest.raises(
        InputError, match=f"config.json: found a file that was changed or damaged, .*{REMEDY}"
    ):
        load_config(tmp_path)
    (tmp_path / "manifest.json").unlink()
    assert load_config(tmp_path).decoding.threshold == 0.4
    update_json(tmp_path / "scores.json", {"test": 1})
    assert set(listed(tmp_path)) == {"config.json", "scores.json"}  # as they are now
    path.unlink()
    with pytest.raises(InputError, match=r"config.json: found no such file, .*bring it back"):
        check_listed(tmp_path, "config.json")


@pytest.mark.parametrize("name", ["scores.json", "negatives.json", "analysis.json"])
def test_results_may_be_removed_but_not_changed(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    update_json(path, {"dev": 1})
    update_json(path, {"test": 2})
    assert read_updated_json(path) == {"dev": 1, "test": 2}
    path.write_text('{"dev": 3}')
    for refused in (
        lambda: read_updated_json(path),
        lambda: update_json(path, {"test": 4}),
        lambda: check_all(tmp_path),
    ):
        with pytest.raises(InputError, match=f"{name}: found a file that was changed or damaged"):
            refused()
    path.unlink()
    check_all(tmp_path)
    update_json(path, {"test": 4})
    assert read_updated_json(path) == {"test": 4}


@pytest.mark.parametrize("existed", [True, False])
@pytest.mark.parametrize("killed_at", [0, 1, 2])
def test_a_kill_between_the_writes_leaves_a_readable_file(
    tmp_path: Path, killed_at: int, existed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stops before the manifest, the file, or the manifest again is written."""
    if existed:
        write_files(tmp_path, {"metrics.jsonl": b"old"})
    writes = iter(range(3))

    def dying(write: Callable[..., None]) -> Callable[..., None]:
        def counted(*arguments: Any) -> None:
            if next(writes) == killed_at:
                raise KeyboardInterrupt
            write(*arguments)

        return counted

    with monkeypatch.context() as context:
        for name in ("write_json", "write_atomically"):
            context.setattr(manifest, name, dying(getattr(manifest, name)))
        with pytest.raises(KeyboardInterrupt):
            write_files(tmp_path, {"metrics.jsonl": b"new"})
    check_listed(tmp_path, "metrics.jsonl")
    found = (tmp_path / "metrics.jsonl").read_bytes() if (tmp_path / "metrics.jsonl").exists() else None
    assert found == (b"new" if killed_at == 2 else b"old" if existed else None)
    write_files(tmp_path, {"metrics.jsonl": b"newest"})
    assert isinstance(listed(tmp_path)["metrics.jsonl"], str)
    check_listed(tmp_path, "metrics.jsonl")


def test_a_file_that_is_replaced_while_it_is_checked_is_no_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_metrics(tmp_path, [{"epoch": 1}])
    check = manifest.check_files

    def late(*arguments: Any) -> None:
        monkeypatch.setattr(manifest, "check_files", check)
        write_metrics(tmp_path, [{"epoch": 1}, {"epoch": 2}])
        check(*arguments)

    monkeypatch.setattr(manifest, "check_files", late)
    check_listed(tmp_path, "metrics.jsonl")


def test_a_removed_file_leaves_the_list(tmp_path: Path) -> None:
    write_files(tmp_path, {"encoder.json": b"{}", "vocabs.json": b"{}"})
    write_files(tmp_path, {"encoder.json": None, "word_vectors.npy": None})
    assert sorted(listed(tmp_path)) == ["vocabs.json"]
    assert not (tmp_path / "encoder.json").exists()

"""Tests of folders that a stranger made."""

from pathlib import Path

import pytest

from cman_jax.errors import InputError
from cman_jax.folders import inside, refuse_links_out


def test_names_and_links_inside_a_folder_are_allowed(tmp_path: Path) -> None:
    folder, door = tmp_path / "model", tmp_path / "door"
    (folder / "deep").mkdir(parents=True)
    (folder / "weights").write_text("1")
    (folder / "deep" / "link").symlink_to("../weights")
    (folder / "second").symlink_to(folder / "deep")
    door.symlink_to(folder)  # the user's own link to the folder
    for place in (folder, door):
        refuse_links_out(place)
        assert inside(place, "deep/link").read_text() == "1"
        assert inside(place, "second/link").read_text() == "1"
        assert inside(place, "missing") == place / "missing"


@pytest.mark.parametrize("name", ["../secret", "deep/../../secret", "/etc/passwd", "..", "a\0b"])
def test_a_name_that_leads_out_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"found the name .*, expected names of files inside the folder"):
        inside(tmp_path, name)


@pytest.mark.parametrize("target", ["../secret", "../elsewhere", "../model2/file", "loop"])
def test_a_link_that_leads_out_is_refused(target: str, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    (folder / "deep").mkdir(parents=True)
    (tmp_path / "secret").touch()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "model2").mkdir()  # begins with the folder's name
    (folder / "loop").symlink_to(target)
    with pytest.raises(InputError, match=r"model/loop: found a link (that leads out|without an end)"):
        inside(folder, "loop")
    with pytest.raises(InputError, match=r"model/loop: found a link"):
        refuse_links_out(folder)


def test_a_folder_that_is_a_link_out_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").touch()
    (tmp_path / "model" / "checkpoints").symlink_to("../elsewhere")
    with pytest.raises(InputError, match=r"model/checkpoints: found a link that leads out"):
        refuse_links_out(tmp_path / "model")
    with pytest.raises(InputError, match=r"checkpoints/file: found a link that leads out"):
        inside(tmp_path / "model", "checkpoints/file")


def test_the_links_of_a_hugging_face_cache_are_allowed(tmp_path: Path) -> None:
    snapshot, blobs = tmp_path / "models--a--b" / "snapshots" / "1f", tmp_path / "models--a--b" / "blobs"
    snapshot.mkdir(parents=True)
    blobs.mkdir()
    (blobs / "6a2b").write_text("{}")
    (snapshot / "config.json").symlink_to("../../blobs/6a2b")
    (snapshot / "vocab.txt").symlink_to("../../refs")
    assert inside(snapshot, "config.json").read_text() == "{}"
    with pytest.raises(InputError, match=r"vocab.txt: found a link that leads out"):
        inside(snapshot, "vocab.txt")

"""Tests of byte order marks, of JSON without the numbers that it cannot express, and of what is written."""

import os
from pathlib import Path

import pytest

from cman_jax.errors import InputError
from cman_jax.files import decode_line, json_text, read_text, skip_bom, write_atomically

BOM = b"\xef\xbb\xbf"


def test_one_mark_is_skipped_and_only_at_the_beginning() -> None:
    assert skip_bom(BOM + b"a" + BOM) == b"a" + BOM
    assert skip_bom(BOM + BOM) == BOM
    assert skip_bom(b"") == skip_bom(BOM) == b""
    assert skip_bom(BOM[:2]) == BOM[:2]


def test_the_text_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(BOM + "Köln\n".encode())
    assert read_text(path) == "Köln\n"
    path.write_bytes(BOM + b"\xff")
    with pytest.raises(UnicodeDecodeError):
        read_text(path)


@pytest.mark.parametrize(
    ("raw", "number", "text"),
    [
        (BOM + b"a\r\n", 1, "a"),
        (BOM + b"a", 2, "\ufeffa"),
        (b"a\r\r\n", 2, "a\r"),
        (b" a \n", 2, " a "),
        (b"a\r", 2, "a"),
        (b"", 1, ""),
        (BOM, 1, ""),
    ],
)
def test_a_line_loses_its_end_and_line_1_its_mark(raw: bytes, number: int, text: str) -> None:
    assert decode_line(raw, "f", number) == text


def test_bytes_that_are_not_utf_8_are_named_with_their_line() -> None:
    with pytest.raises(InputError, match=r"^f:7: found bytes that are not valid UTF-8"):
        decode_line(b"a\xff\n", "f", 7)


ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_json_cannot_express_are_refused(number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_text({"deep": [number]})


def test_layout_arguments_are_those_of_the_standard_library() -> None:
    assert json_text({"ä": (1, 0.5)}) == '{"\\u00e4": [1, 0.5]}'
    assert json_text({"ä": 1}, indent=1, ensure_ascii=False) == '{\n "ä": 1\n}'


def test_only_one_module_writes_numbers_to_json() -> None:
    files = (
        path
        for package in ("cman_jax", "experiments", "data_prep")
        for path in (ROOT / package).rglob("*.py")
    )
    elsewhere = {path.name for path in files if "json.dump" in path.read_text(encoding="utf-8")}
    without_numbers, forging_nan = {"vocab.py", "corpus.py"}, {"headers.py"}
    assert elsewhere - without_numbers - forging_nan == {"files.py"}


def test_a_file_is_on_disk_before_it_replaces_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, synced = tmp_path / "file", []

    def fsync(number: int) -> None:
        synced.append((os.pread(number, 10, 0), path.read_bytes()))

    path.write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", fsync)
    write_atomically(path, b"new")
    assert synced == [(b"new", b"old")]
    assert path.read_bytes() == b"new"


def test_a_folder_or_a_device_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(os.devnull)
    for path in (tmp_path, Path(os.devnull), tmp_path / "link"):
        with pytest.raises(InputError, match="found a folder or a device, expected a file to write"):
            write_atomically(path, b"content")
    assert Path(os.devnull).is_char_device()


def test_a_link_stays_a_link_to_the_file_that_is_written(tmp_path: Path) -> None:
    link, file = tmp_path / "link", tmp_path / "folder" / "file"
    file.parent.mkdir()
    link.symlink_to(file)
    for content in (b"new", b"written again"):
        write_atomically(link, content)
        assert link.is_symlink()
        assert file.read_bytes() == content
    assert [path.name for path in file.parent.iterdir()] == ["file"]

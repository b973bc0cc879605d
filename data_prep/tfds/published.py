"""The published files of a corpus: each must be the file whose size and SHA-256 pins.py has."""

from collections.abc import Iterable
from pathlib import Path

from data_prep.download import verified
from data_prep.pins import SOURCES


def checksums(folder: Path, directory: str, names: Iterable[str]) -> dict[str, str]:
    """Returns the SHA-256 of files, after a check of each.

    Args:
      folder: the folder of the files.
      directory: the directory of their source in pins.py.
      names: the names of the files.

    Raises:
      InputError: a file has other content than the published one.
      OSError: a file cannot be read.
    """
    pinned = {file.name: file for source in SOURCES if source.directory == directory for file in source.files}
    for name in names:
        verified(folder, pinned[name])
    return {name: pinned[name].sha256 for name in names}

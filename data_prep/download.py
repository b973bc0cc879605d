"""The download of the corpora from their publishers' repositories, with a check of every byte.

    python -m data_prep.download --corpus=all --out=data/raw

Every file comes from a fixed commit on GitHub and must have the size and the SHA-256 in pins.py. The program
skips correct files that exist already, so an interrupted download can be started again. A file with other
content is written next to its place as NAME.rejected and is not installed. The files are written to
conll04/bekoulis, conll04/spert, ade/spert_folds and ade/raw_v2. `data_prep.conll04` and `data_prep.ade`
convert them.

The 50-dimensional word vectors that this project trained have no public address, so they are not downloaded.
Any word2vec or GloVe file can replace them.
"""

import hashlib
import http.client
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from absl import flags

from cman_jax.app.program import run_main
from cman_jax.errors import InputError
from cman_jax.files import write_atomically
from data_prep.pins import SOURCES, File, Source

BASE_URL = "https://raw.githubusercontent.com"
TIMEOUT_SECONDS = 60.0


class Download(NamedTuple):
    """A file to download.

    Attributes:
      url: the address of the file.
      path: the path to write it to.
      file: its pinned name, size and digest.
    """

    url: str
    path: Path
    file: File


def plan(
    corpus: str, out: str | Path, base_url: str = BASE_URL, sources: Sequence[Source] = SOURCES
) -> Iterator[Download]:
    """Yields the files to download for a corpus.

    Args:
      corpus: the name of a corpus in `sources`, or "all".
      out: the folder to write to.
      base_url: the server, with the layout of raw.githubusercontent.com.
      sources: the pinned sources.
    """
    for source in sources:
        if corpus in (source.corpus, "all"):
            for file in source.files:
                name = file.published_as or file.name
                url = "/".join([base_url.rstrip("/"), source.commit, source.published_in, name])
                yield Download(url, Path(out) / source.directory / file.name, file)


def install(download: Download) -> str:
    """Downloads a file unless its path already has the pinned content; returns "kept" or "downloaded".

    Args:
      download: the file to download.

    Raises:
      InputError: the server does not answer, or it sends other content, which is written to NAME.rejected.
      OSError: the file cannot be written.
    """
    url, path, file = download
    if path.is_file() and _mismatch(path.read_bytes(), file) is None:
        return "kept"
    content = fetch(url, file.size + 1)
    if found := _mismatch(content, file):
        rejected = path.with_name(path.name + ".rejected")
        write_atomically(rejected, content)
        expected = f"{file.size} bytes with SHA-256 {file.sha256}"
        raise InputError(url, None, f"{found} (written to {rejected}, not installed)", expected)
    write_atomically(path, content)
    return "downloaded"


def verified(folder: str | Path, file: File) -> Path:
    """Returns the path of a downloaded file in a folder.

    Raises:
      InputError: the file has other content than the published one.
      OSError: the file cannot be read.
    """
    path = Path(folder) / file.name
    if found := _mismatch(path.read_bytes(), file):
        expected = f"{file.size} bytes with SHA-256 {file.sha256} (`python -m data_prep.download`)"
        raise InputError(path, None, found, expected)
    return path


def _mismatch(content: bytes, file: File) -> str | None:
    """Describes how the content differs from the pin; returns None if it does not differ."""
    digest = hashlib.sha256(content).hexdigest()
    if len(content) > file.size:
        return f"more than {file.size} bytes"
    return None if digest == file.sha256 else f"{len(content)} bytes with SHA-256 {digest}"


def fetch(url: str, limit: int) -> bytes:
    """Downloads at most `limit` bytes from an address.

    Args:
      url: the address.
      limit: the largest number of bytes to read.

    Raises:
      InputError: the download fails for any reason.
    """
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as response:
            return response.read(limit)
    except urllib.error.HTTPError as error:
        reason = f"the HTTP status {error.code} {error.reason}"
        error.close()
    except urllib.error.URLError as error:
        reason = f"no answer ({error.reason})"
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = f"a connection error ({error!r})"
    expected = "the file; check the network connection, or name another server with --base_url"
    raise InputError(url, None, reason, expected)


def _main(argv: Sequence[str]) -> None:
    """Downloads the corpora that the flags name and prints a line for each file."""
    del argv
    f = flags.FLAGS
    if f.corpus == "vectors":
        expected = "conll04, ade or all; any word2vec or GloVe file can replace the vectors"
        raise InputError("flags", None, "--corpus=vectors, which have no public address", expected)
    for download in plan(f.corpus, f.out, f.base_url):
        print(f"{install(download)}: {download.path}", flush=True)
    if f.corpus == "all":
        print("not downloaded: the word vectors, because they have no public address (see --help)")


if __name__ == "__main__":
    flags.DEFINE_enum("corpus", "all", ["conll04", "ade", "vectors", "all"], "Corpus to download.")
    flags.DEFINE_string("out", None, "Folder to write the files to.", required=True)
    flags.DEFINE_string(
        "base_url", BASE_URL, "Address of a server with raw.githubusercontent.com's layout, or file://FOLDER."
    )
    run_main(_main)

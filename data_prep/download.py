"""Downloads the corpora from where their authors and users published them, and checks every byte.

    python -m data_prep.download --corpus=all --out=data/raw

Each file comes from one fixed commit on GitHub and must have the size and the SHA-256 in pins.py. Files that
are already there and right are skipped, so an interrupted download is simply started again. What arrives
wrong is kept beside its place as NAME.rejected and never installed. The files land in conll04/bekoulis,
conll04/spert, ade/spert_folds and ade/raw_v2; `data_prep.conll04` and `data_prep.ade` convert them.

The 50-dimensional word vectors which this project trained have no public address and are not downloaded; any
word2vec or GloVe file can take their place.
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
    """One file to fetch: its address, where it goes, and what it must be."""

    url: str
    path: Path
    file: File


def plan(
    corpus: str, out: str | Path, base_url: str = BASE_URL, sources: Sequence[Source] = SOURCES
) -> Iterator[Download]:
    """What has to be downloaded for `corpus`, which is a Source's or "all"."""
    for source in sources:
        if corpus in (source.corpus, "all"):
            for file in source.files:
                name = file.published_as or file.name
                url = "/".join([base_url.rstrip("/"), source.commit, source.published_in, name])
                yield Download(url, Path(out) / source.directory / file.name, file)


def install(download: Download) -> str:
    """Makes the file be there, whole and right; returns "kept" or "downloaded".

    Raises:
      InputError: no answer, or bytes other than the pinned ones (these are in NAME.rejected then).
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
        raise InputError(url, None, f"{found} (kept as {rejected}, not installed)", expected)
    write_atomically(path, content)
    return "downloaded"


def _mismatch(content: bytes, file: File) -> str | None:
    """What is wrong with the content; None if it is what the pin says."""
    digest = hashlib.sha256(content).hexdigest()
    if len(content) > file.size:
        return f"more than {file.size} bytes"
    return None if digest == file.sha256 else f"{len(content)} bytes with SHA-256 {digest}"


def fetch(url: str, limit: int) -> bytes:
    """The first `limit` bytes at an address; every way in which that fails is an InputError."""
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as response:
            return response.read(limit)
    except urllib.error.HTTPError as error:
        reason = f"the answer {error.code} {error.reason}"
        error.close()
    except urllib.error.URLError as error:
        reason = f"no answer ({error.reason})"
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = f"a failing connection ({error!r})"
    raise InputError(url, None, reason, "the file (is there a network? --base_url names another server)")


def _main(argv: Sequence[str]) -> None:
    del argv
    f = flags.FLAGS
    if f.corpus == "vectors":
        raise InputError("--corpus=vectors", None, "word vectors without a public address", "a corpus")
    for download in plan(f.corpus, f.out, f.base_url):
        print(f"{install(download)}: {download.path}", flush=True)
    if f.corpus == "all":
        print("not downloaded: the word vectors, which have no public address (see --help)")


if __name__ == "__main__":
    flags.DEFINE_enum("corpus", "all", ["conll04", "ade", "vectors", "all"], "What to download.")
    flags.DEFINE_string("out", None, "Directory to put the files in.", required=True)
    flags.DEFINE_string("base_url", BASE_URL, "Server with raw.githubusercontent.com's layout, or file://...")
    run_main(_main)

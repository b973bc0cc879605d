"""Tests of downloads: only pinned content is installed, and the pins match the real files."""

import hashlib
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from cman_jax.errors import InputError
from data_prep.download import BASE_URL, Download, install, plan, verified
from data_prep.pins import SOURCES, File, Source

CONTENT = b"#doc 1\n0\tHello\tO\t['N']\t[0]\n"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """A request handler that serves CONTENT, damaged in the way that the path names."""

    requests: list[str]

    def do_GET(self) -> None:
        """Sends CONTENT, other content, cut content or an error."""
        self.requests.append(self.path)
        kind = self.path.split("/")[-1]
        if kind == "missing.txt":
            self.send_error(404)
            return
        body = {"wrong.txt": CONTENT[::-1], "long.txt": CONTENT * 1000}.get(kind, CONTENT)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:7] if kind == "cut.txt" else body)

    def log_message(self, format: str, *args: object) -> None:
        """Logs nothing."""


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    """Starts a server on the loopback interface and returns its address and the requested paths."""
    handler = type("_Handler", (Handler,), {"requests": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}", handler.requests
        running.shutdown()
        thread.join()


def download(base_url: str, tmp_path: Path, name: str = "train.txt") -> Download:
    sources = (Source("conll04", "o/r/abc", "data", "conll04/x", (File(name, len(CONTENT), DIGEST),)),)
    (planned,) = plan("conll04", tmp_path, base_url, sources)
    return planned


def test_a_correct_file_is_downloaded_once(server: tuple[str, list[str]], tmp_path: Path) -> None:
    base_url, requests = server
    wanted = download(base_url, tmp_path)
    assert wanted.path == tmp_path / "conll04" / "x" / "train.txt"
    assert [install(wanted), install(wanted)] == ["downloaded", "kept"]
    assert wanted.path.read_bytes() == CONTENT
    assert requests == ["/o/r/abc/data/train.txt"]


@pytest.mark.parametrize("existing", [CONTENT[:5], CONTENT[::-1], CONTENT * 2])
def test_an_incorrect_file_is_replaced(
    existing: bytes, server: tuple[str, list[str]], tmp_path: Path
) -> None:
    wanted = download(server[0], tmp_path)
    wanted.path.parent.mkdir(parents=True)
    wanted.path.write_bytes(existing)
    assert install(wanted) == "downloaded"
    assert wanted.path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("name", "found"),
    [("wrong.txt", "found 27 bytes with SHA-256"), ("long.txt", "more than"), ("cut.txt", "found 7 bytes")],
)
def test_other_content_is_written_to_a_rejected_file(
    name: str, found: str, server: tuple[str, list[str]], tmp_path: Path
) -> None:
    wanted = download(server[0], tmp_path, name)
    with pytest.raises(InputError, match=re.escape(wanted.url)) as caught:
        install(wanted)
    assert found in str(caught.value)
    assert f"expected {len(CONTENT)} bytes with SHA-256 {DIGEST}" in str(caught.value)
    assert [item.name for item in wanted.path.parent.iterdir()] == [f"{name}.rejected"]
    assert wanted.path.with_name(f"{name}.rejected").stat().st_size <= len(CONTENT) + 1


def test_a_missing_file_is_an_error(server: tuple[str, list[str]], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"missing\.txt: found the HTTP status 404"):
        install(download(server[0], tmp_path, "missing.txt"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("base_url", "reason"),
    [
        ("http://127.0.0.1:9", "found no answer"),  # the discard port, on which no server listens
        ("file:///nowhere", "found no answer"),
        ("nonsense", "found a connection error"),
        ("http://[", "found a connection error"),
    ],
)
def test_a_missing_server_is_an_error(base_url: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=reason):
        install(download(base_url, tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_addresses_are_pinned_to_commits() -> None:
    first, *others = plan("all", "out")
    assert first.url == (
        "https://raw.githubusercontent.com/bekou/multihead_joint_entity_relation_extraction/"
        "7f40a0f7c1892821591358518c542139e88f693e/data/CoNLL04/train.txt"
    )
    assert first.path == Path("out/conll04/bekoulis/train.txt")
    for wanted in (first, *others):
        assert re.fullmatch(rf"{BASE_URL}/[\w-]+/[\w-]+/[0-9a-f]{{40}}/[\w/.-]+", wanted.url)
    assert len(others) == 30
    assert len(list(plan("conll04", "out"))) == 6
    assert len(list(plan("ade", "out"))) == 25


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.directory)
def test_the_pins_match_the_real_files(source: Source, shared_data: Path) -> None:
    for file in source.files:
        content = (shared_data / source.directory / file.name).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file.size, file.sha256), file.name


def test_the_program_downloads_everything(shared_data: Path, tmp_path: Path) -> None:
    """Downloads from a folder with the layout of the server."""
    mirror = tmp_path / "mirror"
    for wanted in plan("conll04", shared_data, str(mirror)):
        link = Path(wanted.url)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(wanted.path)
    ran = program("--corpus=conll04", f"--out={tmp_path / 'out'}", f"--base_url={mirror.as_uri()}")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert [line.split(":")[0] for line in ran.stdout.splitlines()] == ["downloaded"] * 6
    again = program("--corpus=conll04", f"--out={tmp_path / 'out'}", "--base_url=file:///nowhere")
    assert [line.split(":")[0] for line in again.stdout.splitlines()] == ["kept"] * 6


def program(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "data_prep.download", *arguments]
    root = Path(__file__).resolve().parents[2]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=root)


def test_the_program_refuses_to_download_vectors(tmp_path: Path) -> None:
    ran = program("--corpus=vectors", f"--out={tmp_path}")
    assert ran.returncode == 2
    assert ran.stderr.count("\n") == 1
    assert "error: flags: found --corpus=vectors, which have no public address, expected" in ran.stderr


def test_a_file_on_disk_is_verified(tmp_path: Path) -> None:
    file = File("train.txt", len(CONTENT), DIGEST)
    (tmp_path / "train.txt").write_bytes(CONTENT)
    assert verified(tmp_path, file) == tmp_path / "train.txt"
    (tmp_path / "train.txt").write_bytes(CONTENT[::-1])
    with pytest.raises(InputError, match=rf"train\.txt: found {len(CONTENT)} bytes with SHA-256 .*{DIGEST}"):
        verified(tmp_path, file)

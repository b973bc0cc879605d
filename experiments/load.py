"""Loads `cman serve` with requests from many clients at the same time, and measures it.

    python -m experiments.load --url=http://127.0.0.1:8080 --clients=200 --seconds=30 --out=load.json

Each client sends the next request when it has the answer to the last one, over one connection. The texts are
invented: one to three sentences. A latency is the time from the
first byte of a request to the last byte of its answer.
"""

import asyncio
import json
import os
import platform
import random
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from absl import flags

from cman_jax.app.program import run_main
from cman_jax.files import json_text, write_json
from cman_jax.version import __version__

_PEOPLE = ("Jane Roe", "Ann Lee", "John Doe", "Bob Stone")
_FIRMS = ("Acme Corp.", "Northwind Ltd.", "Blue Kite")
_PLACES = ("Boston", "Oslo", "Lima", "Kyoto")


def text_of(draw: random.Random) -> str:
    """Returns a text of one to three sentences."""
    sentences = [
        f"{draw.choice(_PEOPLE)} works for {draw.choice(_FIRMS)} in {draw.choice(_PLACES)}."
        for _ in range(draw.randint(1, 3))
    ]
    return " ".join(sentences)


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, text: str) -> tuple[int, bytes]:
    """Sends one request, and returns the status and the body of its answer."""
    body = json_text({"text": text}).encode()
    head = f"POST /extract HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()
    answer = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = int(answer.partition("content-length:")[2].partition("\r\n")[0])
    return int(answer.split(" ", 2)[1]), await reader.readexactly(length)


async def client(
    number: int, host: str, port: int, end: float, seconds: list[float], found: Counter[str]
) -> None:
    """Sends requests until the end; keeps the latency and the outcome of each."""
    draw = random.Random(number)
    reader, writer = await asyncio.open_connection(host, port)
    while time.perf_counter() < end:
        text, start = text_of(draw), time.perf_counter()
        try:
            status, body = await ask(reader, writer, text)
        except (OSError, EOFError) as error:
            found[type(error).__name__] += 1
            return
        seconds.append(time.perf_counter() - start)
        right = status != 200 or all(r["text"] in text for r in json.loads(body)["records"])
        found[str(status) if right else "another text"] += 1
    writer.close()


async def load(url: str, clients: int, seconds: float) -> dict[str, Any]:
    """Returns the figures of a load."""
    parts, latencies, found = urlsplit(url), [], Counter()
    start = time.perf_counter()
    where = (parts.hostname or "127.0.0.1", parts.port or 80, start + seconds)
    await asyncio.gather(*(client(number, *where, latencies, found) for number in range(clients)))
    took, ordered = time.perf_counter() - start, sorted(latencies)
    at = lambda share: round(1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1)  # noqa: E731
    return {
        "clients": clients,
        "seconds": round(took, 2),
        "answers": dict(found),
        "requests_per_second": round(len(ordered) / took, 1),
        "milliseconds": {"p50": at(0.5), "p95": at(0.95), "p99": at(0.99), "most": at(1.0)},
        "machine": {
            "cores": os.cpu_count(),
            "system": platform.platform(),
            "python": platform.python_version(),
        },
        "version": __version__,
    }


def main(argv: Sequence[str]) -> None:
    """Sends requests as the flags say, and prints the figures."""
    del argv
    figures = asyncio.run(load(flags.FLAGS.url, flags.FLAGS.clients, flags.FLAGS.seconds))
    print(json_text(figures, indent=2))
    if flags.FLAGS.out:
        write_json(Path(flags.FLAGS.out), figures)


if __name__ == "__main__":
    flags.DEFINE_string("url", "http://127.0.0.1:8080", "Address that `cman serve` prints.")
    flags.DEFINE_integer("clients", 200, "Requests at the same time.", 1)
    flags.DEFINE_float("seconds", 30.0, "How long to send.", 0.1)
    flags.DEFINE_string("out", None, "File for the figures; by default they are only printed.")
    run_main(main)

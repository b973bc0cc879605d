"""The load: every client gets answers, and a wrong or missing answer is counted as such."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from experiments.load import load

Answer = Callable[[str], tuple[int, Any]]


async def loaded(answer: Answer) -> dict[str, Any]:
    """Returns the figures of a short load on a server that answers so."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            status, value = answer(json.loads(await reader.readexactly(length))["text"])
            body = json.dumps(value).encode()
            writer.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body))
            if status == 500:
                break
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        return await load(f"http://127.0.0.1:{port}", 3, 0.1)
    finally:
        server.close()


def test_answers_are_counted_by_status_and_text() -> None:
    right = asyncio.run(loaded(lambda text: (200, {"records": [{"text": text}]})))
    assert set(right["answers"]) == {"200"}
    assert right["answers"]["200"] >= 3
    assert 0 < right["milliseconds"]["p50"] <= right["milliseconds"]["p99"] <= right["milliseconds"]["most"]
    wrong = asyncio.run(loaded(lambda text: (200, {"records": [{"text": "another"}]})))
    assert set(wrong["answers"]) == {"another text"}
    busy = asyncio.run(loaded(lambda text: (503, {"error": "busy"})))
    assert set(busy["answers"]) == {"503"}

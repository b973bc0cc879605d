"""Serves a trained network over HTTP: extraction by JSON, and a page to try it.

    cman serve --workdir=DIR
    curl --data '{"text": "Jane Roe works for Acme in Boston."}' http://127.0.0.1:8080/extract

Compiles first, and prints its address when it is ready. Requests that arrive together are extracted together.
SIGTERM or Ctrl-C end it after the accepted requests, with status 0. Nothing is written into the run.
"""

import signal
import socket
from collections.abc import Sequence
from typing import Any

from absl import flags

from cman_jax.app.network import network_of_flags
from cman_jax.app.runtime import start_jax
from cman_jax.errors import InputError, missing_extra

_HOST = flags.DEFINE_string("host", "127.0.0.1", "Address to listen at; 0.0.0.0: all of this machine.")
_PORT = flags.DEFINE_integer("port", 8080, "Port; 0: any free one.", 0, 65535)
_BYTES = flags.DEFINE_integer("max_bytes", 2**20, "Bytes of a request.", 1)
_TEXTS = flags.DEFINE_integer("max_texts", 1000, "Texts of a request.", 1)
_CHARACTERS = flags.DEFINE_integer("max_characters", 100_000, "Characters of all texts of a request.", 1)
_WAITING = flags.DEFINE_integer("max_waiting", 4096, "Sentences in the queue; further requests get 503.", 1)
_SECONDS = flags.DEFINE_float("timeout", 60.0, "Seconds that a request may take.", 0.001)
_BATCH = flags.DEFINE_integer("batch_sentences", 64, "Sentences that are extracted together.", 1)
_WAIT = flags.DEFINE_float(
    "batch_milliseconds", 5.0, "Milliseconds that a request waits for others to share its batch.", 0.0, 1000.0
)


def main(argv: Sequence[str]) -> None:
    """Serves until a signal ends it."""
    del argv
    try:
        import uvicorn

        from cman_jax.server.batcher import Queueing
        from cman_jax.server.requests import Limits
        from cman_jax.server.service import Service
        from cman_jax.server.web import application
    except ImportError as error:
        raise missing_extra("the service", f"no {error.name}", "serve") from None
    with _listening(_HOST.value, _PORT.value) as listening:
        start_jax()
        runs, extractor = network_of_flags()
        failed: list[Exception] = []
        ready = f"serving {', '.join(map(str, runs))} at {_address(listening)}"

        def on_start(error: Exception | None) -> None:
            if error is None:
                if not server.should_exit:  # it may be stopped while it starts
                    print(ready, flush=True)
            else:
                failed.append(error)
                server.should_exit = True

        queueing = Queueing(_BATCH.value, _WAIT.value / 1000, _WAITING.value)
        limits = Limits(_BYTES.value, _TEXTS.value, _CHARACTERS.value)
        service = Service(extractor, queueing, on_start)
        server = uvicorn.Server(_settings(application(service, limits, _SECONDS.value)))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)  # uvicorn takes them, and raises them again at its end
        listening.listen(2048)  # before the line that says so
        server.run(sockets=[listening])
        if failed:
            raise failed[0]


def _settings(app: Any) -> Any:
    """Returns uvicorn's settings; accepted requests have the time of --timeout to end."""
    import uvicorn

    options: dict[str, Any] = {"log_config": None, "access_log": False, "server_header": False}
    return uvicorn.Config(app, timeout_graceful_shutdown=int(_SECONDS.value) + 5, **options)


def _listening(host: str, port: int) -> socket.socket:
    """Returns a socket that is bound to an address.

    Raises:
      InputError: the address is not one of this machine, or it is in use.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, protocol)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        found = f"--host={host} --port={port} ({error.strerror})"
        raise InputError("flags", None, found, "a free address of this machine") from None
    return bound


def _address(listening: socket.socket) -> str:
    """Returns the address of the service for browsers."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

"""The addresses of the service: /extract, the page, /health and /metrics."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from cman_jax.config import Config
from cman_jax.errors import is_out_of_memory
from cman_jax.files import json_text
from cman_jax.inference.record import Record
from cman_jax.page.form import NOTHING, form_page, message_page
from cman_jax.page.html import render
from cman_jax.server.metrics import Metrics
from cman_jax.server.requests import Limits, Refused, Wanted, read_form, read_json
from cman_jax.server.service import Service

_PATHS = ("/", "/extract", "/page", "/health", "/metrics")
_DRAWN = 2000  # relations of a picture
_TITLE = "Entities and relations"
_SAFE = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}

Read = Callable[[bytes, Limits, Config], Wanted]
"""Reads the body of a request."""


def application(service: Service, limits: Limits, seconds: float) -> FastAPI:
    """Returns the application. When it ends, all accepted requests are finished.

    Args:
      service: extracts; the application starts and stops it.
      limits: how much a request may contain.
      seconds: the time that a request may take.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.start()
        yield
        await run_in_threadpool(service.stop)

    async def no_such_address(_: Request, error: HTTPException) -> Response:
        return _json({"error": error.detail}, error.status_code, dict(error.headers or {}))

    answers = _Answers(service, limits, seconds)
    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.middleware("http")(counted(service.metrics))
    app.exception_handler(HTTPException)(no_such_address)
    app.get("/")(answers.form)
    app.post("/page")(answers.page)
    app.post("/extract")(answers.extract)
    app.get("/health")(answers.health)
    app.get("/metrics")(answers.metrics)
    return app


class _Answers:
    """The answer at each address."""

    def __init__(self, service: Service, limits: Limits, seconds: float):
        self._service, self._limits, self._seconds = service, limits, seconds
        self._form, self._policy = form_page(_TITLE, limits.characters)

    async def extract(self, request: Request) -> Response:
        """Answers a request in JSON with records."""
        try:
            return _json({"records": await self._extracted(request, read_json)})
        except Refused as refused:
            return _json({"error": str(refused)}, refused.status, _retry(refused))

    async def form(self) -> Response:
        """Answers with the page on which a person types a text."""
        return _html(self._form, self._policy)

    async def page(self, request: Request) -> Response:
        """Answers the form with a picture."""
        try:
            records = await self._extracted(request, read_form)
            relations = sum(len(record["relations"]) for record in records)
            if relations > _DRAWN:
                found = f"request: found {relations} relations, expected at most {_DRAWN} to draw"
                raise Refused(422, f"{found}: raise the threshold, or send less text")
            return _html(await run_in_threadpool(render, records, _TITLE), "frame-ancestors 'self'")
        except Refused as refused:
            return _html(message_page(str(refused)), NOTHING, refused.status, _retry(refused))

    async def health(self) -> Response:
        """Answers whether requests are accepted."""
        ready = self._service.ready
        return _json({"status": "ready" if ready else "starting"}, 200 if ready else 503)

    async def metrics(self) -> Response:
        """Answers with all counts."""
        return Response(self._service.metrics.text(), media_type="text/plain; version=0.0.4")

    async def _extracted(self, request: Request, read: Read) -> list[Record]:
        """Returns the records that a request asks for.

        Raises:
          Refused: the request is malformed or too large, the server is too busy, or the extraction fails.
        """
        try:
            async with asyncio.timeout(self._seconds):
                body = await _body(request, self._limits.bytes)
                wanted = await run_in_threadpool(read, body, self._limits, self._service.config)
                return await asyncio.wrap_future(self._service.submit(wanted)) if wanted.documents else []
        except TimeoutError:
            raise Refused(
                504, f"request: found no result after {self._seconds:g} seconds, expected less text"
            ) from None
        except ClientDisconnect:
            raise Refused(400, "request: found an incomplete body, expected all of it") from None
        except Refused:
            raise
        except Exception as error:
            logging.getLogger(__name__).error("a request failed", exc_info=error)
            found = "too little memory" if is_out_of_memory(error) else "an error of the server"
            raise Refused(
                500, f"request: found {found}, expected shorter sentences or another text"
            ) from error


def counted(metrics: Metrics) -> Callable[..., Any]:
    """Returns the middleware that counts requests; addresses that do not exist count as one."""

    async def count(request: Request, answer: Callable[..., Any]) -> Response:
        start, status = time.perf_counter(), 500
        try:
            response = await answer(request)
            status = response.status_code
            return response
        finally:
            path = request.url.path if request.url.path in _PATHS else "other"
            metrics.count_request(path, status, time.perf_counter() - start)

    return count


async def _body(request: Request, most: int) -> bytes:
    """Returns the body of a request; reads no more of it than is allowed.

    Raises:
      Refused: the body is too long.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise Refused(413, f"request: found more than {most} bytes, expected several smaller requests")
    return bytes(body)


def _json(value: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Returns an answer in JSON."""
    return Response(json_text(value), status, {**_SAFE, **(headers or {})}, "application/json")


def _html(page: str, policy: str, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Returns a page with its content security policy."""
    return Response(
        page, status, {**_SAFE, "Content-Security-Policy": policy, **(headers or {})}, "text/html"
    )


def _retry(refused: Refused) -> dict[str, str]:
    """Returns the header that says when to try again."""
    return {} if refused.retry_after is None else {"Retry-After": str(refused.retry_after)}

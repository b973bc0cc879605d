"""Pages in a real browser."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def show(browser: Any, tmp_path: Path) -> Iterator[Any]:
    """Opens pages; a message on the console or an error of a script fails the test."""
    context = browser.new_context(viewport={"width": 1100, "height": 800})
    said: list[str] = []

    def open_page(html: str) -> Any:
        path = tmp_path / "page.html"
        path.write_bytes(html.encode())
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: said.append(request.url) if request.url != path.as_uri() else None)
        page.goto(path.as_uri())
        return page

    yield open_page
    context.close()
    assert said == []

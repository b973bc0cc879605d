"""The page of the service in a real browser: a text is typed, sent, and drawn below the form."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.page.hostile import TEXTS

HOST = "http://service.test"


TEXT = "Ada Lovelace lived in London. Ben of Acme, London"


@pytest.fixture
def said() -> list[str]:
    """Returns what the browser complains about: messages of the console, errors of scripts, other hosts."""
    return []


@pytest.fixture
def page(browser: Any, client: TestClient, said: list[str]) -> Iterator[Any]:
    """Opens the page; a complaint that the test does not expect fails it."""
    context = browser.new_context(viewport={"width": 1100, "height": 800})

    def answer(route: Any) -> None:
        asked = route.request
        if not asked.url.startswith(HOST):
            said.append(asked.url)
        headers = {name: value for name, value in asked.headers.items() if name != "content-length"}
        path = asked.url.removeprefix(HOST)
        got = client.request(asked.method, path, content=asked.post_data_buffer, headers=headers)
        route.fulfill(status=got.status_code, headers=dict(got.headers), body=got.content)

    context.route("**/*", answer)
    opened = context.new_page()
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.goto(f"{HOST}/")
    yield opened
    context.close()
    assert said == []


def extracted(page: Any, text: str, threshold: str = "") -> Any:
    """Returns the frame with the answer to a text."""
    page.fill("#text", text)
    page.fill("[name=threshold]", threshold)
    with page.expect_event("framenavigated", lambda frame: frame.name == "found"):
        page.keyboard.press("Tab")
        page.click("button")
    frame = page.frame(name="found")
    frame.wait_for_load_state()
    return frame


def test_a_typed_text_is_drawn_and_the_threshold_filters(page: Any) -> None:
    every = extracted(page, TEXT, "0")
    drawn = "".join(every.locator(".run").all_text_contents())
    assert (drawn, every.locator("h1").count()) == (TEXT.replace(". ", "."), 1)
    arcs = every.locator(".arc").count()
    assert arcs > 0
    assert extracted(page, TEXT, "0.999").locator(".arc").count() < arcs


def test_hostile_text_stays_text(page: Any) -> None:
    text = " ".join(text for text in TEXTS if "\0" not in text)
    frame = extracted(page, text[:1500])
    assert frame.locator("img, object, embed, a[href^=javascript]").count() == 0
    assert "<" in frame.inner_text("body")


def test_a_mistake_is_a_message_in_the_frame(page: Any, said: list[str]) -> None:
    page.evaluate("document.querySelector('[name=threshold]').type = 'text'")
    frame = extracted(page, "Ada lived in London.", "high")
    assert "found threshold 'high', expected a number in [0, 1)" in frame.inner_text("body")
    assert ["422" in each for each in said] == [True]
    said.clear()

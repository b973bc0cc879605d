"""The service over HTTP: the records of the extractor, malformed ones, limits, page and counts."""

import json
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from typing import Any

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from cman_jax.data.text import Document
from cman_jax.inference.extractor import Extractor
from cman_jax.inference.record import Record
from cman_jax.server.batcher import Queueing
from tests.page.hostile import TEXTS
from tests.server.conftest import LIMITS, serving

TEXT = "Ada lived in London. Nobody came."


def counts(client: TestClient) -> dict[tuple[str, ...], float]:
    """Returns the value of every sample of /metrics by its name and labels."""
    families = text_string_to_metric_families(client.get("/metrics").text)
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
    }


def wait_for_waiting(client: TestClient, sentences: int) -> None:
    """Waits until so many sentences wait for the extractor."""
    deadline = time.monotonic() + 60
    while counts(client)["cman_waiting_sentences",] < sentences:
        assert time.monotonic() < deadline, "the requests do not arrive"
        time.sleep(0.005)


class Held(Extractor):
    """An extractor whose first extraction after `hold` waits for `release`; "boom" raises an error."""

    def __init__(self, extractor: Extractor):
        super().__init__(extractor.system, extractor.params, extractor.epoch)
        self.free, self.begun = threading.Event(), threading.Event()
        self.free.set()

    def __call__(self, texts: Any, **options: Any) -> list[Record]:
        self.begun.set()
        assert self.free.wait(60)
        if any(isinstance(text, Document) and "boom" in text.text for text in texts):
            raise RuntimeError("boom")
        return super().__call__(texts, **options)

    def hold(self) -> None:
        self.begun.clear()
        self.free.clear()


def test_records_are_those_of_the_extractor(client: TestClient, extractor: Extractor) -> None:
    texts, tokens = [TEXT, "Ben of Acme", ""], [["Ben", "of", "Acme"], ["Rain"]]
    expected = [record for name, text in enumerate(texts, 1) for record in extractor.read(text, str(name))]
    assert client.post("/extract", json={"text": TEXT}).json() == {"records": extractor.read(TEXT)}
    assert client.post("/extract", json={"texts": texts}).json() == {"records": expected}
    assert client.post("/extract", json={"tokens": tokens}).json() == {"records": extractor(tokens)}
    line = {"text": TEXT, "sentences": "line"}
    assert client.post("/extract", json=line).json() == {"records": [extractor(TEXT)]}
    assert client.post("/extract", json={"texts": []}).json() == {"records": []}


def test_a_threshold_holds_for_its_request(client: TestClient, extractor: Extractor) -> None:
    answers = [client.post("/extract", json={"text": TEXT, "threshold": t}).json() for t in (0.0, 0.999)]
    assert answers == [{"records": extractor.read(TEXT, threshold=t)} for t in (0.0, 0.999)]
    assert answers[0] != answers[1]


def test_requests_at_the_same_time_share_a_batch_and_each_gets_its_own(extractor: Extractor) -> None:
    texts = [f"Ada of Acme came to London with {' '.join(['Ben'] * i)} ." for i in range(1, 9)]
    expected = [{"records": extractor.read(text)} for text in texts]
    held = Held(extractor)
    with serving(held) as client, ThreadPoolExecutor(9) as pool:
        held.hold()
        first = pool.submit(client.post, "/extract", json={"text": "Rain"})
        assert held.begun.wait(60)
        sent = [pool.submit(client.post, "/extract", json={"text": text}) for text in texts]
        wait_for_waiting(client, len(texts))
        held.free.set()
        assert [answer.result(60).json() for answer in sent] == expected
        assert first.result(60).status_code == 200
        found = counts(client)
    assert found["cman_batch_requests_count",] == 2
    assert found["cman_batch_requests_sum",] == found["cman_batch_sentences_sum",] == 1 + len(texts)


def test_a_failing_request_is_500_and_its_neighbours_are_answered(extractor: Extractor) -> None:
    held = Held(extractor)
    with serving(held) as client, ThreadPoolExecutor(4) as pool:
        held.hold()
        sent = [pool.submit(client.post, "/extract", json={"text": "Rain"})]
        assert held.begun.wait(60)
        for text in ("Ada came.", "boom", "Ben came."):
            sent.append(pool.submit(client.post, "/extract", json={"text": text}))
        wait_for_waiting(client, 3)
        held.free.set()
        answers = [answer.result(60) for answer in sent]
        assert [answer.status_code for answer in answers] == [200, 200, 500, 200]
        assert "an error of the server" in answers[2].json()["error"]
        assert client.post("/extract", json={"text": TEXT}).json() == {"records": extractor.read(TEXT)}


def test_an_error_outside_the_extraction_is_logged_too(
    extractor: Extractor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("no good")

    with serving(extractor) as client:
        monkeypatch.setattr("cman_jax.server.web.read_json", broken)
        answer = client.post("/extract", json={"text": "Rain"})
    assert (answer.status_code, "an error of the server" in answer.json()["error"]) == (500, True)
    assert [record.exc_info[1].args for record in caplog.records] == [("no good",)]


def test_a_full_queue_is_503_and_a_late_answer_504(extractor: Extractor) -> None:
    held = Held(extractor)
    with serving(held, Queueing(most_waiting=1), seconds=0.5) as client, ThreadPoolExecutor(2) as pool:
        held.hold()
        late = pool.submit(client.post, "/extract", json={"text": "Rain"})
        assert held.begun.wait(60)
        waiting = pool.submit(client.post, "/extract", json={"text": "Rain"})
        wait_for_waiting(client, 1)
        refused = client.post("/extract", json={"text": "Rain"})
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
        assert "server: found a full queue (1 sentences wait)" in refused.json()["error"]
        for answer in (late, waiting):
            assert answer.result(60).status_code == 504
            assert "found no result after 0.5 seconds" in answer.result().json()["error"]
        held.free.set()


def malformed() -> list[bytes]:
    """Returns 500 bodies that ask for nothing: wrong types, cut and changed JSON, random bytes."""
    draw = random.Random(0)
    values: list[Any] = [
        None,
        True,
        3,
        -0.5,
        "word",
        [],
        {},
        [1],
        [None],
        {"a": 1},
        [["a", 2]],
        [[]],
        [{}],
        "\ud800",
    ]
    wrong = {
        "text": [value for value in values if not isinstance(value, str)],
        "texts": [value for value in values if value != []],
        "tokens": [value for value in values if value != []],
        "threshold": [True, "0.5", [], {}, 1, -0.1, 1e300, float("nan"), float("inf"), 10**400],
        "anchor": [True, 3, "first", [], {}],
        "sentences": [None, True, 3, "words", [], {}],
        "other": values,
    }
    bodies = []
    for _ in range(350):
        name = draw.choice(list(wrong))
        given = {name: draw.choice(wrong[name])}
        if name not in ("text", "texts", "tokens") and draw.random() < 0.8:
            given = {"text": TEXT, **given}
        bodies.append(json.dumps(given).encode())
    whole = json.dumps({"text": TEXT, "threshold": 0.5}).encode()
    bodies += [whole[: draw.randrange(len(whole))] for _ in range(50)]
    bodies += [draw.randbytes(draw.randrange(200)) for _ in range(50)]
    bodies += [whole + draw.randbytes(1 + draw.randrange(5)).replace(b" ", b"x") + b"x" for _ in range(49)]
    return [*bodies, b"[" * LIMITS.bytes]


def test_malformed_requests_get_4xx_with_one_line_and_the_server_still_answers(
    client: TestClient, extractor: Extractor
) -> None:
    bodies = malformed()
    assert len(bodies) == 500
    for body in bodies:
        answer = client.post("/extract", content=body)
        assert 400 <= answer.status_code < 500, body
        assert "\n" not in answer.json()["error"]
    assert client.post("/extract", json={"text": TEXT}).json() == {"records": extractor.read(TEXT)}


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"text": "a" * (LIMITS.characters + 1)}, f"{LIMITS.characters + 1} characters"),
        ({"texts": ["a"] * (LIMITS.texts + 1)}, f"{LIMITS.texts + 1} texts"),
        ({"text": "a" * LIMITS.bytes}, f"more than {LIMITS.bytes} bytes"),
    ],
)
def test_what_is_too_large_is_413(client: TestClient, value: Any, found: str) -> None:
    answer = client.post("/extract", json=value)
    assert answer.status_code == 413
    assert f"found {found}, expected" in answer.json()["error"]


def test_other_addresses_and_methods_are_errors_in_json(client: TestClient) -> None:
    for method, path, status in (
        ("GET", "/nowhere", 404),
        ("GET", "/extract", 405),
        ("POST", "/health", 405),
    ):
        answer = client.request(method, path)
        assert answer.status_code == status
        assert answer.json()["error"]


def test_health_is_ready_only_after_the_first_extraction(extractor: Extractor) -> None:
    held = Held(extractor)
    context = serving(held)
    client = context._client
    held.hold()
    with client:
        assert held.begun.wait(60)
        assert (client.get("/health").status_code, client.get("/health").json()) == (
            503,
            {"status": "starting"},
        )
        early = client.post("/extract", json={"text": TEXT})
        assert (early.status_code, early.headers["Retry-After"]) == (503, "5")
        held.free.set()
        assert context._started.wait(60)
        assert (client.get("/health").status_code, client.get("/health").json()) == (200, {"status": "ready"})


class Elements(HTMLParser):
    """The start tags and the text of a page."""

    def __init__(self, page: str):
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs


def test_the_page_is_a_form_without_a_script_that_reaches_nothing_outside(client: TestClient) -> None:
    answer = client.get("/")
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "script-src" not in policy
    assert "unsafe" not in policy
    elements = Elements(answer.text)
    assert {"form", "textarea", "button", "iframe"} <= set(elements.tags)
    assert not {"script", "link", "img"} & set(elements.tags)
    assert ("sandbox", "allow-scripts") in elements.attributes
    assert not [value for _, value in elements.attributes if value and "//" in value]


@pytest.mark.parametrize("text", [text for text in TEXTS if "\ud800" not in text and len(text) < 200])
def test_hostile_text_stays_text_in_the_picture(client: TestClient, text: str) -> None:
    answer = client.post("/page", data={"text": text})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    elements, plain = Elements(answer.text), Elements(client.post("/page", data={"text": "Ann"}).text)
    assert elements.tags.count("script") == plain.tags.count("script") == 1
    assert not [name for name, _ in elements.attributes if name.startswith("on")]
    assert [value for _, value in elements.attributes if value and value.startswith("default-src 'none'; ")]


def test_a_refused_form_is_a_page_with_the_message(client: TestClient) -> None:
    answer = client.post("/page", data={"text": "a", "threshold": "<script>"})
    assert answer.status_code == 422
    assert "threshold &#39;&lt;script&gt;&#39;" in answer.text
    assert "script" not in Elements(answer.text).tags
    assert client.post("/page", data={"text": "a" * (LIMITS.characters + 1)}).status_code == 413


def test_requests_are_counted_by_address_and_status(extractor: Extractor) -> None:
    with serving(extractor) as client:
        for _ in range(3):
            client.post("/extract", json={"text": TEXT})
        client.post("/extract", content=b"{")
        client.get("/nowhere")
        found = counts(client)
    assert found["cman_requests_total", "/extract", "200"] == 3
    assert found["cman_requests_total", "/extract", "400"] == 1
    assert found["cman_requests_total", "other", "404"] == 1
    assert found["cman_request_seconds_count", "/extract"] == 4
    assert found["cman_batch_sentences_sum",] == 6
    assert found["cman_waiting_sentences",] == 0

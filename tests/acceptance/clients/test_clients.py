"""Real, unmodified clients against a running server, on a network that drops requests and answers.

Each run meets: a request refused with 503 and Retry-After, one whose line is cut after the
server committed it, then a working line. Each event must be known exactly once.
"""

import http.server
import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.acceptance.clients.conftest import HERE, Source
from tests.acceptance.clients.proxy import CUT, PASS, REFUSE, unsteady
from tests.acceptance.conftest import Installation

UNSTEADY = [REFUSE, CUT, PASS, CUT, REFUSE]
OLD = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)


def python_calls(client, person: str) -> None:
    """Every call that both Python SDKs have."""
    client.track(anonymous_id=f"{person}-device", event="Product Viewed", properties={"id": "p1"})
    client.identify(person, {"name": "홍길동", "plan": "pro"}, anonymous_id=f"{person}-device")
    client.page(person, "Shop", "Home", {"url": "https://shop.example/"})
    client.screen(person, "Shop", "Main")
    client.group(person, "g1", {"name": "Acme"})
    client.alias(f"{person}-before", person)
    order = {"order_id": "o1", "revenue": 12000, "currency": "KRW"}
    client.track(person, "Order Completed", order, timestamp=OLD)


ALL_CALLS = {
    "Product Viewed": 1,
    "Profile Updated": 1,
    "Page Viewed": 1,
    "Screen Viewed": 1,
    "Group Joined": 1,
    "Identity Linked": 1,
    "Order Completed": 1,
}


def check_person(rows: list[tuple[str, int, dict]]) -> dict[str, dict]:
    """All events are of one customer; returns their properties by name."""
    assert len({customer for _, customer, _ in rows}) == 1
    props = {name: content for name, _, content in rows}
    assert props["Profile Updated"]["name"] == "홍길동"
    assert props["Order Completed"]["revenue"] == 12000
    assert props["Page Viewed"]["name"] == "Home"
    assert props["Group Joined"] == {"group_id": "g1", "traits": {"name": "Acme"}}
    return props


@pytest.mark.parametrize("gzip", [False, True])
def test_segment_analytics_python(
    shop: Installation, source: Callable[..., Source], gzip: bool
) -> None:
    from segment.analytics.client import Client

    heard, failures = source(), []
    with unsteady(shop.port, UNSTEADY) as (proxy, port):
        client = Client(
            heard.key,
            host=f"http://127.0.0.1:{port}",
            gzip=gzip,
            upload_size=2,
            on_error=lambda error, items: failures.append(error),
        )
        python_calls(client, f"segment-python-{gzip}")
        client.flush()
        client.join()
    assert failures == []
    assert proxy.done[:5] == UNSTEADY
    props = check_person(heard.wait(ALL_CALLS))
    assert props["Profile Updated"]["plan"] == "pro"
    assert heard.refused() == []


@pytest.mark.parametrize("gzip", [False, True])
def test_rudder_sdk_python(shop: Installation, source: Callable[..., Source], gzip: bool) -> None:
    from rudderstack.analytics.client import Client

    heard, failures = source(), []
    with unsteady(shop.port, UNSTEADY) as (proxy, port):
        client = Client(
            heard.key,
            host=f"http://127.0.0.1:{port}",
            gzip=gzip,
            upload_size=2,
            on_error=lambda error, items: failures.append(error),
        )
        python_calls(client, f"rudder-python-{gzip}")
        client.flush()
        client.join()
    assert failures == []
    assert proxy.done[:5] == UNSTEADY
    check_person(heard.wait(ALL_CALLS))
    assert heard.refused() == []


def test_segment_analytics_node(
    shop: Installation, source: Callable[..., Source], node: Path
) -> None:
    heard = source()
    with unsteady(shop.port, UNSTEADY) as (proxy, port):
        command = [node / "node", HERE / "segment_node.mjs", f"http://127.0.0.1:{port}"]
        made = subprocess.run(
            [*command, heard.key, "segment-node"], capture_output=True, text=True, timeout=90
        )
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["failures"] == []
    assert proxy.done[:2] == UNSTEADY[:2]
    check_person(heard.wait(ALL_CALLS))
    assert heard.refused() == []


def test_analytics_next_in_chromium(
    shop: Installation, source: Callable[..., Source], node: Path
) -> None:
    with _pages() as page_port, unsteady(shop.port, UNSTEADY) as (proxy, port):
        origin = f"http://localhost:{page_port}"
        heard = source(origin)
        query = f"key={heard.key}&server=http://127.0.0.1:{port}&person=browser"
        with _browser() as page:
            hosts: set[str] = set()
            page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
            page.goto(f"{origin}/?{query}")
            page.evaluate("run()")
            rows = heard.wait(ALL_CALLS | {"Identity Linked": 1})
        assert hosts == {f"localhost:{page_port}", f"127.0.0.1:{port}"}, "asks nobody else"
        assert CUT in proxy.done
        assert REFUSE in proxy.done
    props = check_person(rows)
    assert props["Page Viewed"]["title"] == "단골 커피"
    assert props["Order Completed"]["context"]["page"]["title"] == "단골 커피"
    assert heard.refused() == []


def test_a_key_of_other_pages_is_refused_in_chromium(
    shop: Installation, source: Callable[..., Source], node: Path
) -> None:
    heard = source("https://shop.example")
    with _pages() as page_port, _browser() as page:
        statuses: list[int] = []
        page.on("response", lambda answer: statuses.append(answer.status))
        page.goto(
            f"http://localhost:{page_port}/?key={heard.key}"
            f"&server=http://127.0.0.1:{shop.port}&person=forger"
        )
        with page.expect_response(lambda answer: answer.status == 403):
            page.evaluate("run()")
    heard.wait({})


@contextmanager
def _browser() -> Iterator[Page]:
    """A page of a headless Chromium of the system."""
    names = ("chromium", "chromium-browser", "google-chrome")
    executable = next(filter(None, map(shutil.which, names)), None)
    if executable is None:
        pytest.skip("there is no Chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        try:
            yield browser.new_page()
        finally:
            browser.close()


@contextmanager
def _pages() -> Iterator[int]:
    """The shop's own web server: one page that loads the browser SDK from beside it."""
    script = HERE / "node_modules/@segment/analytics-next/dist/umd/index.js"
    files = {"/": HERE / "page.html", "/analytics-next.js": script}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = files.get(self.path.partition("?")[0])
            body = path.read_bytes() if path else b""
            self.send_response(200 if path else 404)
            kind = "text/html; charset=utf-8" if self.path[1:2] in "?" else "text/javascript"
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

"""Names that are programs: what customers and the team may write, walked through in a real browser."""

import re
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Page

from tests.acceptance.browser import chromium, sign_in  # noqa: F401
from tests.acceptance.conftest import Installation, wait_until

NASTY = [
    "<script>alert(1)</script>", '"><img src=x onerror=alert(2)>', "javascript:alert(3)",
    "{{ 7 | times: 7 }}{% raw %}", "\u202eabc", "W" * 10_000, "\u0301\u0301", "👩‍👩‍👧‍👦🏳️‍🌈",
    "</textarea></title><svg onload=alert(4)>", "'-alert(5)-'", "=1+1", "<!--", "\u2028",
]  # fmt: skip
MOST = 4
"""Pages of one kind that are looked at."""
_TOO_WIDE = "document.documentElement.scrollWidth - innerWidth"
_LINKS = "[...document.querySelectorAll('a[href], iframe[src]')].map((a) => a.href || a.src)"


@pytest.fixture
def team(chromium, up):  # noqa: F811
    """A signed-in telephone, what it complained of, and a plain client with the same session."""
    running: Installation = up()
    page = sign_in(chromium, running, viewport={"width": 390, "height": 800})
    seen: list[str] = []
    page.on("console", lambda said: seen.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: seen.append(str(error)))
    page.on("dialog", lambda dialog: seen.append(f"dialog {dialog.message}"))
    page.on("request", lambda asked: _note_foreign(seen, running, asked.url))
    cookies = {one["name"]: one["value"] for one in page.context.cookies()}
    with httpx.Client(base_url=running.url, cookies=cookies, timeout=60) as client:
        yield running, page, seen, client


def _note_foreign(seen: list[str], running: Installation, url: str) -> None:
    if not url.startswith((running.url, "data:", "about:")):
        seen.append(f"asked {url}")


def fill_the_shop(running: Installation, client: httpx.Client) -> None:
    """Everything that has a name gets each of the names."""
    csrf = re.search(r'name="csrf" value="([^"]+)"', client.get("/settings").text)[1]

    def post(url: str, **fields: str) -> str:
        answer = client.post(url, data={"csrf": csrf} | fields)
        assert answer.status_code in (303, 422), (url, answer.status_code)
        return answer.headers.get("location", "")

    shop = {"legal_name": NASTY[0], "phone": NASTY[1], "postal_address": NASTY[8],
            "sender_name": "A", "sender_email": "a@a.example", "email": "a@a.example",
            "public_url": running.url, "zone": "Asia/Seoul", "country": "KR", "currency": "KRW",
            "locale": "en", "relationship_event": "Order Completed"}  # fmt: skip
    post("/settings", name="".join(NASTY[:4]), **shop)
    key = running.run("keys", "create", NASTY[0] + NASTY[1]).stdout.strip()
    now = datetime.now(UTC).isoformat()
    for number, name in enumerate(NASTY):
        who = {"userId": f"{number}{name[:50]}", "timestamp": now}
        traits = {"name": name, "email": f"u{number}@a.example", name[:100]: name[:500]}
        props = {name[:100]: name[:3000], "list": [name[:50]], "revenue": name[:9]}
        batch = [
            who | {"type": "identify", "messageId": f"i{number}", "traits": traits},
            who | {"type": "track", "messageId": f"t{number}", "event": name[:200],
                   "properties": props},
        ]  # fmt: skip
        assert client.post("/v1/batch", json={"batch": batch}, auth=(key, "")).status_code == 200
        rule = {"rows": "1", "r0.kind": "trait", "r0.name": "city", "r0.op": "exists"}
        post("/segments", name=name[:100], **rule)
        letter = post("/letters", name=name[:100], kind="news", locale="en")
        if letter:
            post(f"{letter}/test", address=f"u{number}@a.example", locale="en")
            post("/campaigns", name=name[:100], letter=letter.rsplit("/", 1)[1])
    file = {"file": (f"{NASTY[0]}{NASTY[1]}.csv".replace("/", ""), b"user_id\nx\n")}
    client.post("/imports", data={"csrf": csrf, "kind": "customers"}, files=file)


def walk(page: Page, running: Installation) -> dict[str, int]:
    """Follow every link of the desk and of the letters; how many pages of each kind were seen."""
    waiting, done, kinds = ["/"], set(), {}
    while waiting:
        url = waiting.pop(0)
        kind = re.sub(r"/[uvpq]/\w{20,}|[0-9a-f-]{36}|\d+", "#", urlsplit(url).path)
        if url in done or kinds.get(kind, 0) >= MOST:
            continue
        done.add(url)
        kinds[kind] = kinds.get(kind, 0) + 1
        answer = page.goto(running.url + url)
        assert answer.status == 200, url
        assert "default-src 'none'" in answer.headers["content-security-policy"], url
        assert page.evaluate(_TOO_WIDE) <= 0, url
        for link in page.evaluate(_LINKS):
            assert not link.lower().startswith(("javascript:", "data:")), (url, link)
            path = link.removeprefix(running.url)
            is_page = not re.search(r"\.csv|\.json|/raw|/files/|/sign-out|^/[cquvp]/", path)
            if path.startswith("/") and is_page:
                waiting.append(path.partition("#")[0])
    return kinds


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_no_name_is_ever_run(team) -> None:
    running, page, seen, client = team
    fill_the_shop(running, client)
    wait_until(lambda: "u0@a.example" in client.get("/mailbox").text, timeout=60, why=str)
    kinds = walk(page, running)
    assert seen == []
    assert {
        "/customers/#",
        "/segments/#",
        "/letters/#",
        "/mailbox/#/body",
        "/sources/event",
    } <= set(kinds)

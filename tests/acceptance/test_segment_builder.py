"""A segment is built in a real browser, by clicks in one language and by keys in the other."""

import json
import urllib.request
from datetime import UTC, datetime
from typing import Any

import psycopg
from playwright.sync_api import Page, expect

from dangol.listen.keys import create_key
from tests.acceptance.browser import chromium, sign_in
from tests.acceptance.conftest import Installation, wait_until

__all__ = ["chromium"]


def test_clicks_and_keys_build_segments_that_count_what_the_api_counts(up, chromium):
    running = up()
    with psycopg.connect(running.dsn) as conn:
        now = datetime.now(UTC)
        secret = {
            scope: create_key(conn, "test", scope, by="test", now=now) for scope in ("track", "api")
        }
    _tell(running, secret["track"])
    page = sign_in(chromium, running, locale="en-GB")

    page.goto("/segments/new")
    page.get_by_label("Name", exact=True).fill("Good Seoul customers")
    _by_clicks(page)
    _check(page, running, secret["api"], people=2)

    page.get_by_role("button", name="한국어").first.click()
    page.goto("/segments/new")
    _by_keys(page)
    _check(page, running, secret["api"], people=1)


def _by_clicks(page: Page) -> None:
    """Five kinds of rows, two of them in a group."""
    _add(page, "Did something")
    page.locator("[name='r0.name']").fill("Order Completed")
    page.locator("[name='r0.times.value']").fill("2")
    page.locator("[name='r0.within.kind']").select_option(label="in the last … days")
    expect(page.locator("[name='r0.within.n']")).to_have_value("30")
    page.get_by_role("button", name="+ Only where …").click()
    page.locator("[name='r0.where.0.name']").fill("total")
    page.keyboard.press("Tab")
    page.locator("[name='r0.where.0.op']").select_option(label="at least")
    page.locator("[name='r0.where.0.value']").fill("10000")
    _add(page, "What we know of them")
    page.locator("[name='r1.name']").fill("city")
    page.keyboard.press("Tab")
    page.locator("[name='r1.op']").select_option(label="is one of")
    page.locator("textarea[name='r1.value']").fill("서울\n부산")
    _add(page, "Several conditions together")
    page.locator("[name='r2.match']").select_option(label="at least one of these holds")
    _add(page, "Where they are", group="2")
    page.locator("[name='r2-0.shape']").select_option(label="regions of Korea")
    page.get_by_label("서울").check()
    _add(page, "A date of theirs", group="2")
    page.locator("[name='r2-1.name']").fill("ends")
    _add(page, "Regular, new, gone quiet")
    page.get_by_label("Gone quiet").first.check()
    page.locator("[name='r3.negate']").check()


def _by_keys(page: Page) -> None:
    """Nothing but the keyboard; what is typed while the rows are drawn anew is not lost."""
    page.locator("[name='name']").focus()
    page.keyboard.type("서울 단골감")
    page.locator("button.pickable[value='add:did:']").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[name='r0.name']")).to_be_focused()
    page.keyboard.type("Order Completed")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("4")
    page.locator("#add-").focus()
    page.keyboard.press("Enter")
    page.locator("button.pickable[value='add:trait:']").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[name='r1.name']")).to_be_focused()
    page.keyboard.type("city")
    for _ in range(3):
        page.keyboard.press("Tab")
    page.keyboard.type("서울")
    page.keyboard.press("Tab")


def _check(page: Page, running: Installation, secret: str, *, people: int) -> None:
    """The live count, the saved segment, the reloaded page and the API agree."""
    expect(page.locator("#count .big")).to_have_text(str(people), timeout=30_000)
    rows = page.locator("fieldset.condition").count()
    page.locator("button.primary").click()
    expect(page.locator(".said")).not_to_be_empty()
    page.reload()
    expect(page.locator("fieldset.condition")).to_have_count(rows)
    expect(page.locator("#count .big")).to_have_text(str(people), timeout=30_000)
    kept = _ask(running, f"/api/v1/segments/{page.url.rpartition('/')[2]}", secret=secret)
    asked = {"condition": kept["definition"]}
    assert _ask(running, "/api/v1/segments/preview", asked, secret)["people"] == people


def _add(page: Page, kind: str, group: str = "") -> None:
    before = page.locator("fieldset.condition").count()
    menu = page.locator(f"details.adding:has(> #add-{group})")
    if not menu.evaluate("(one) => one.open"):
        page.locator(f"#add-{group}").click()
    menu.get_by_role("button", name=kind).click()
    expect(page.locator("fieldset.condition")).to_have_count(before + 1)


def _tell(running: Installation, secret: str) -> None:
    """Six people: even ones in 서울, others in 부산; number n ordered n times, for 10,000 each."""
    batch: list[dict[str, object]] = []
    for number in range(6):
        city, code = (("부산", "48058"), ("서울", "06236"))[number % 2 == 0]
        traits = {"city": city, "postcode": code, "ends": "2020-01-01"}
        batch.append({"type": "identify", "userId": f"u{number}", "traits": traits})
        order = {"type": "track", "userId": f"u{number}", "event": "Order Completed"}
        batch += [order | {"properties": {"total": 10_000}} for _ in range(number + 1)]
    given = [one | {"messageId": f"m{at}"} for at, one in enumerate(batch)]
    _ask(running, "/v1/batch", {"batch": given, "writeKey": secret})
    heard = "select count(*) from event_recent where name = 'Order Completed'"
    with psycopg.connect(running.dsn, autocommit=True) as conn:
        wait_until(
            lambda: conn.execute(heard).fetchone()[0] == 21,
            timeout=30,
            why=lambda: f"heard {conn.execute(heard).fetchone()}",
        )


def _ask(running: Installation, path: str, body: object = None, secret: str = "") -> Any:
    data = json.dumps(body).encode() if body is not None else None
    headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
    request = urllib.request.Request(running.url + path, data, headers if secret else {})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())

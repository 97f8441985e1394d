"""Whatever stands in an address or a form, the desk answers with a page that says so."""

import re
from urllib.parse import quote

import pytest

from dangol.web.routes import DESK
from dangol.web.signin.role import Role
from tests.integration.web.test_signing import fill

HOSTILE = ["\0", "%\\'", "9" * 30, "\ud800", "a" * 2000]
NAMES = sorted(
    {"q", "from", "after", "name", "source", "reason", "stage", "state", "before", "next", "kind"}
    | {"customer", "segment", "locale", "show", "sort", "day"}
    | {"since", "until", "days", "above", "at", "who", "was", "cause", "recency", "frequency"}
)


@pytest.mark.parametrize("value", HOSTILE, ids=repr)
def test_no_query_breaks_a_page(desk, value: str) -> None:
    desk.sign_in(Role.OWNER)
    asked = "&".join(f"{name}={quote(value, errors='surrogatepass')}" for name in NAMES)
    for route in DESK:
        if route.method == "GET":
            path = fill(route.path)
            for url in (
                f"{path}?{asked}",
                re.sub(r"[0-9a-f-]{36}", quote(value[:60], "", errors="surrogatepass"), path),
            ):
                answer = desk.client.get(url, follow_redirects=False)
                assert answer.status_code != 500, (url[:200], answer.text[:300])


def test_a_flood_of_fields_is_refused_in_words(desk) -> None:
    asked = "&".join(f"f{n}=1" for n in range(3000))
    answer = desk.client.get(f"/sign-in?{asked[:3000]}")
    assert (answer.status_code, "cannot be used" in answer.text) == (400, True)
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = desk.client.post("/sign-in", content=asked, headers=headers)
    assert (answer.status_code, "cannot be used" in answer.text) == (400, True)


def test_a_full_disk_is_said_in_words_and_changes_nothing(desk) -> None:
    desk.sign_in(Role.MARKETER)
    desk.conn.execute(
        "create function full_disk() returns trigger language plpgsql as "
        "$$ begin raise exception 'no space left' using errcode = 'disk_full'; end $$"
    )
    desk.conn.execute(
        "create trigger full_disk before insert on letter for each row execute function full_disk()"
    )
    desk.conn.commit()
    answer = desk.client.post(
        "/letters", data={"csrf": desk.csrf, "name": "A", "kind": "news", "locale": "en"}
    )
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "The disk is full" in answer.text
    assert desk.conn.execute("select count(*) from letter").fetchone() == (0,)

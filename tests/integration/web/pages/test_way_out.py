"""Unsubscribing: only by POST, at once, for ever, and saying exactly what changed."""

import re
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from dangol.model.consent import ConsentState
from dangol.store.token import seal
from tests.integration.web.pages.conftest import ADDRESS, CUSTOMER, Pages
from tests.unit.speak.letters import full_variant, letter

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def test_looking_changes_nothing(pages: Pages) -> None:
    before = pages.standing()
    for _ in range(3):
        page = pages.get(pages.link("u"))
    assert pages.raw("HEAD", pages.link("u")).status_code in (200, 405)
    assert pages.standing() == before
    assert "h•••@home.example" in page
    assert ADDRESS not in page
    assert "“New beans”" in page
    assert page.count("<form") == 2
    assert "<script" not in page


def test_page_has_a_picture_for_its_tab(pages: Pages) -> None:
    picture = re.search(r'rel="icon" href="([^"]+)"', pages.get(pages.link("u")))[1]
    answer = pages.raw("GET", picture)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")


def test_page_keeps_to_itself(pages: Pages) -> None:
    headers = pages.raw("GET", pages.link("u")).headers
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert "noindex" in headers["x-robots-tag"]
    assert "default-src 'none'" in headers["content-security-policy"]


def test_button_ends_the_topic_and_says_so(pages: Pages) -> None:
    page = pages.post(pages.link("u"), scope="topic")
    assert "no longer write to h•••@home.example about “New beans”" in page
    standing = pages.standing()
    assert standing.topics["beans"]["state"] == "withdrawn"
    assert standing.consent is ConsentState.GRANTED
    assert standing.suppressions == []


def test_everything_is_as_easy(pages: Pages) -> None:
    page = pages.post(pages.link("u"), scope="all")
    assert "Haru Coffee no longer sends news and offers" in page
    standing = pages.standing()
    assert standing.consent is ConsentState.WITHDRAWN
    assert standing.suppressions == ["opt_out:marketing"]
    blocked = {
        entry.address_hash for entry in pages.journal.read().entries if entry.action == "suppress"
    }
    assert blocked == {pages.keyring.address_hash("email", ADDRESS)}


@pytest.mark.parametrize(
    "given",
    [
        {"data": ONE_CLICK},
        {"files": {"List-Unsubscribe": (None, "One-Click")}},
        {"content": b"List-Unsubscribe=One-Click"},
        {
            "content": b"List-Unsubscribe=One-Click",
            "headers": {"content-type": "text/plain", "sec-fetch-site": "cross-site"},
        },
    ],
)
def test_one_click_of_mail_programs(pages: Pages, given: dict) -> None:
    pages.send(13, letter())
    for _ in range(2):
        answer = pages.raw("POST", pages.link("u", send=13), **given)
        assert (answer.status_code, answer.content) == (200, b"")
    assert pages.standing().consent is ConsentState.WITHDRAWN
    [row] = pages.conn.execute(
        "select distinct source, actor, evidence from consent where state = 'withdrawn'"
    ).fetchall()
    assert row == ("one_click", "customer", {"send_id": 13})


def test_refusing_an_advertisement_refuses_all(pages: Pages) -> None:
    pages.send(13, letter(topic="beans", advertises=True), "beans")
    pages.post(pages.link("u", send=13), scope="topic")
    assert pages.standing().consent is ConsentState.WITHDRAWN


def test_mistake_can_be_undone_for_minutes_only(pages: Pages) -> None:
    link = pages.link("u")
    page = pages.post(link, scope="all")
    [undo] = re.findall(r'name="undo" value="(\w+)"', page)
    assert "You are back" in pages.post(f"{link}/undo", undo=undo)
    standing = pages.standing()
    assert standing.consent is ConsentState.GRANTED
    assert standing.suppressions == []
    pages.post(link, scope="all")
    late = int((datetime.now(UTC) - timedelta(minutes=11)).timestamp())
    old = seal(pages.keyring, "n", 12, CUSTOMER, late, 1)
    assert "You are back" not in pages.post(f"{link}/undo", undo=old)
    pages.post(f"{link}/undo", 404, undo="forged")
    pages.post(f"{link}/undo", 404, undo=seal(pages.keyring, "n", 12, 78, late + 660, 1))
    assert pages.standing().consent is ConsentState.WITHDRAWN


def test_yes_that_never_was_cannot_be_undone_to(pages: Pages) -> None:
    link = pages.link("u")
    pages.post(link, scope="all")
    assert "undo" not in pages.post(link, scope="all")


@pytest.mark.parametrize("path", ["/u/forged", "/u/", "/p/forged", "/v/forged", "/q/forged"])
def test_forged_link_leads_nowhere(pages: Pages, path: str) -> None:
    before = pages.standing()
    for method in ["GET", "POST"]:
        assert pages.raw(method, path, data=ONE_CLICK).status_code in (404, 405)
    other_kind = pages.link("o").removeprefix("/o/")
    assert pages.raw("POST", f"/u/{other_kind}", data=ONE_CLICK).status_code == 404
    assert pages.raw("POST", pages.link("u", send=99), data=ONE_CLICK).status_code == 404
    assert pages.standing() == before


def test_merged_customer_is_followed(pages: Pages) -> None:
    pages.conn.execute("insert into customer select 80, 80, traits, trait_stamps, first_seen_at,"
                       " last_seen_at, created_at from customer where customer_id = 77")  # fmt: skip
    pages.conn.execute("update customer set merged_into = 80 where customer_id = 77")
    pages.conn.commit()
    pages.post(pages.link("u"), scope="all")
    row = pages.conn.execute("select consent from contact_state where customer_id = 80").fetchone()
    assert row == ("withdrawn",)


def test_colleague_with_a_test_letter_speaks_for_nobody(pages: Pages) -> None:
    pages.send(13, letter(), kind="test")
    before = pages.standing()
    pages.raw("POST", pages.link("u", send=13), data=ONE_CLICK)
    pages.post(pages.link("p", send=13), do="out")
    assert pages.standing() == before
    assert "Hana" in pages.get(pages.link("v", send=13))


def test_erased_customer_gets_the_same_answer(pages: Pages) -> None:
    pages.conn.execute("update customer set erased_at = now() where customer_id = 77")
    pages.conn.commit()
    assert "You are unsubscribed" in pages.post(pages.link("u"), scope="all")


def test_nothing_is_acknowledged_that_is_not_kept(pages: Pages) -> None:
    pages.conn.execute("alter table consent rename to consent_gone")
    pages.conn.commit()
    answer = pages.raw("POST", pages.link("u"), data=ONE_CLICK)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert "Nothing was changed" in answer.text


def test_page_speaks_the_letters_language(pages: Pages) -> None:
    pages.send(13, letter(full_variant(), "ko"))
    page = pages.get(pages.link("u", send=13))
    assert '<html lang="ko">' in page
    assert "네, 그만 받겠습니다" in page


def test_oversized_form_is_refused(pages: Pages) -> None:
    answer = pages.raw("POST", pages.link("u"), content=b"scope=" + b"a" * 100_000)
    assert answer.status_code == 413
    assert pages.standing().consent is ConsentState.GRANTED


def test_withdrawal_holds_behind_the_hand_off(pages: Pages, dsn: str) -> None:
    """A hand-off that holds the lock is waited for before the page answers."""
    with psycopg.connect(dsn) as other:
        other.execute("set lock_timeout = '1s'")
        other.execute("select 1 from contact_state where customer_id = 77 for update")
        pages.client.timeout = 1.0
        import threading

        done = threading.Event()

        def leave() -> None:
            pages.post(pages.link("u"), scope="all")
            done.set()

        thread = threading.Thread(target=leave)
        thread.start()
        assert not done.wait(0.3)
        other.commit()
        thread.join(10)
        assert done.is_set()

"""One customer's page: stage in words, consent, timeline, and the way of a merged one."""

from datetime import UTC, datetime, timedelta

import pytest

from dangol.know.consent import get_standing
from dangol.know.rhythm.service import refit, rescore
from dangol.model.event import Cause
from dangol.web.signin.role import Role
from tests.unit.know.rhythm.crowd import SHOP, simulate

NOW = datetime.now(UTC)


def add_event(conn, customer: int, name: str, days: int, props: str = "{}") -> None:
    conn.execute(
        "insert into event_recent (bucket, customer_id, time, event_id, name, received_at, recorded_at, props, "
        "source, effect, cause) values (%s, %s, %s, gen_random_uuid(), %s, now(), now(), %s, 'test', "
        "'live', 'behaviour')",
        [customer % 1024, customer, NOW - timedelta(days=days), name, props],
    )
    conn.commit()


@pytest.mark.parametrize(
    ("locale", "steady", "ordered", "paid"),
    [
        ("en", "So: a regular, since", "Ordered", "12,000 KRW"),
        ("ko", "부터 단골입니다", "주문함", "12,000원"),
    ],
)
def test_stage_and_timeline_are_told_in_words(desk, add_customer, locale, steady, ordered, paid):
    who = add_customer(
        "홍길동", "loyal", was="active", traits={"email": "h@shop.example", "city": "서울"}
    )
    add_event(desk.conn, who, "Order Completed", 3, '{"total": 12000, "currency": "KRW"}')
    add_event(desk.conn, who, "Stage Changed", 2, '{"from": "active", "to": "loyal"}')
    add_event(desk.conn, who, "<b>Odd</b>", 1, '{"x": {"y": [1]}}')
    desk.sign_in(Role.VIEWER, locale)
    page = desk.get(f"/customers/{who}")
    assert steady in page
    assert ordered in page
    assert paid in page
    assert "서울" in page
    assert "&lt;b&gt;Odd" in page
    assert page.index("Odd") < page.index(ordered)


def test_the_rhythm_is_explained_and_the_year_ahead_told(desk, add_customer):
    """A small shop with amounts in won; one person of it, looked at in both languages."""
    crowd = simulate(SHOP, 120, 400, 3)
    today = NOW.date()
    pairs = sorted(set(zip(crowd.customer.tolist(), crowd.day.tolist(), strict=True)))
    ids = [add_customer(f"P{number}") for number in range(120)]
    desk.conn.cursor().executemany(
        "insert into relationship_day values (%s, %s, %s, 1, %s)",
        [
            (ids[who] % 1024, ids[who], today - timedelta(400 - day), 9_000 + who * 37 % 5_000)
            for who, day in pairs
        ],
    )
    assert refit(desk.conn, today, NOW)
    desk.conn.execute("delete from stage")
    rescore(desk.conn, (0, 1023), today, NOW, Cause.REFIT)
    desk.conn.commit()
    who = desk.conn.execute(
        "select customer_id from stage where stage = 'loyal' and repeats > 5 limit 1"
    ).fetchone()[0]
    for locale, own, model, verdict, year in [
        ("en", "on average", "in 100", "So: a regular", "8 in 10"),
        ("ko", "간격입니다", "100명 가운데", "단골입니다", "열에 여덟은"),
    ]:
        desk.sign_in(Role.VIEWER, locale)
        page = desk.get(f"/customers/{who}")
        for words in (own, model, verdict, f'hx-get="/customers/{who}/rhythm"'):
            assert words in page
        part = desk.get(f"/customers/{who}/rhythm")
        assert part.count(year) == 2
        assert ("KRW" in part) == (locale == "en")


def test_give_and_take_comes_after_the_page(desk, add_customer):
    customer = add_customer("홍길동", "active", traits={"email": "a@home.example"})
    desk.sign_in(Role.SUPPORT)
    url = f"/customers/{customer}/giving"
    assert f'hx-get="{url}"' in desk.get(f"/customers/{customer}")
    page = desk.get(url)
    assert "/f/" in page
    assert "From them:" in page
    assert "never said that we may write" in page, "and not that it is a good time to"
    desk.sign_in(Role.VIEWER)
    assert "/f/" not in desk.get(url)
    desk.get("/customers/999/giving", 404)


def test_the_timeline_goes_on(desk, add_customer):
    who = add_customer("Kim")
    for number in range(35):
        add_event(desk.conn, who, f"Thing {number:02}", number)
    desk.sign_in(Role.VIEWER)
    at_once, page = desk.get(f"/customers/{who}"), desk.get(f"/customers/{who}/timeline")
    for shown in (at_once, page):
        assert ("Thing 29" in shown, "Thing 30" in shown) == (True, False)
    assert f'hx-get="/customers/{who}/timeline"' in at_once, "the rest comes after the page"
    url = page.split('hx-get="')[1].split('"')[0].replace("&amp;", "&")
    more = desk.get(url)
    assert ("Thing 30" in more, "Thing 34" in more, "hx-get" in more) == (True, True, False)
    desk.get(f"/customers/{who}/timeline?before=nonsense", 422)


def test_a_customer_without_anything_is_a_page(desk, add_customer):
    who = add_customer(visitor=True)
    desk.sign_in(Role.VIEWER)
    assert "No order is known" in desk.get(f"/customers/{who}")
    assert "Nothing has happened yet" in desk.get(f"/customers/{who}/timeline")
    desk.get("/customers/999999", 404)
    desk.get("/customers/x", 404)


def test_a_merged_customer_leads_to_the_winner(desk, add_customer):
    winner, loser = add_customer("A"), add_customer("B")
    desk.conn.execute(
        "update customer set merged_into = %s where customer_id = %s", [winner, loser]
    )
    desk.conn.commit()
    desk.sign_in(Role.VIEWER)
    answer = desk.client.get(f"/customers/{loser}", follow_redirects=False)
    assert answer.headers["location"] == f"/customers/{winner}"


def test_consent_is_recorded_as_the_customer_said(desk, settings, add_customer):
    who = add_customer("홍길동", traits={"email": "h@shop.example"})
    url = f"/customers/{who}/consent"
    desk.sign_in(Role.SUPPORT)
    assert "a yes needs evidence" in desk.post(url, 422, do="grant", how="")
    desk.post(url, do="grant", how="on the phone")
    desk.conn.rollback()
    assert get_standing(desk.conn, who)[0].consent == "granted"
    desk.post(url, do="pause")
    assert "paused until" in desk.get(f"/customers/{who}")
    desk.post(url, do="resume")
    desk.post(url, do="withdraw", how="asked us to stop")
    desk.conn.rollback()
    assert get_standing(desk.conn, who)[0].consent == "withdrawn"
    assert list(settings.journal_dir.iterdir())
    desk.post(url, do="object")
    desk.post(url, 422, do="nonsense")
    desk.sign_in(Role.VIEWER)
    desk.post(url, 403, do="grant", how="x")


def test_nothing_is_reported_as_done_where_nothing_was(desk, add_customer):
    one = add_customer("가람", "loyal")
    desk.sign_in(Role.VIEWER)
    assert '<div class="said" role="status"></div>' in desk.get(f"/customers/{one}")

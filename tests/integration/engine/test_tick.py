"""Live: what was heard becomes known, once, whatever happens."""

import datetime as dt

import pytest

from dangol.engine.leases import Lease
from dangol.engine.tick import Pace, turn_once
from dangol.errors import LeaseLost
from tests.integration.engine.conftest import NOW

DAY = dt.timedelta(days=1)


def test_a_statement_becomes_a_profile_with_an_address(conn, tell, apply) -> None:
    tell(7, "Profile Updated", {"name": "홍길동", "email": " GD@Shop.Example ", "country": "kr"})
    apply()
    row = conn.execute(
        "select traits->>'name', country, zone, zone_source, search from customer"
    ).fetchone()
    assert row[:4] == ("홍길동", "KR", "Asia/Seoul", "country")
    assert "ㅎㄱㄷ" in row[4]
    assert conn.execute("select address, length(address_hash) from contact_point").fetchall() == [
        ("gd@shop.example", 32)
    ]
    assert conn.execute("select consent from contact_state").fetchall() == [("unknown",)]
    assert conn.execute("select count(*) from event_recent").fetchone()[0] == 1
    assert conn.execute("select count(*) from inbox").fetchone()[0] == 0


def test_the_later_statement_wins_whatever_comes_first(conn, tell, apply) -> None:
    tell(7, "Profile Updated", {"city": "Busan", "email": "b@b.example"}, time=NOW)
    apply()
    tell(7, "Profile Updated", {"city": "Seoul", "email": "a@a.example"}, time=NOW - DAY)
    apply()
    assert conn.execute("select traits->>'city' from customer").fetchone()[0] == "Busan"
    assert conn.execute("select address from contact_point").fetchone()[0] == "b@b.example"
    tell(7, "Profile Updated", {"email": None}, time=NOW + DAY)
    apply()
    assert conn.execute("select count(*) from contact_point").fetchone()[0] == 0


def test_an_event_that_is_history_already_is_not_counted_again(conn, tell, apply) -> None:
    order = {"revenue": "12000", "currency": "KRW"}
    for shift in range(3):
        tell(7, "Order Completed", order, received_at=NOW + shift * DAY)
    apply()
    tell(7, "Order Completed", order, received_at=NOW + 9 * DAY)
    tell(8, "Order Completed", order)
    apply()
    days = conn.execute(
        "select customer_id, events, revenue_minor, unrated from relationship_day order by 1"
    ).fetchall()
    assert days == [(7, 1, 12000, 0), (8, 1, 12000, 0)]
    count = conn.execute("select count(*) from event_recent where name = 'Order Completed'")
    assert count.fetchone()[0] == 2


def test_orders_fall_on_the_brands_day_and_need_a_rate(conn, tell, apply) -> None:
    evening = dt.datetime(2026, 3, 1, 16, 30, tzinfo=dt.UTC)  # 01:30 of 2 March in Seoul
    tell(7, "Order Completed", {"revenue": 10.005, "currency": "usd"}, time=evening)
    tell(7, "Order Completed", {"total": "oops"}, time=evening + dt.timedelta(minutes=1))
    tell(7, "Order Completed", {"total": 900}, time=evening + dt.timedelta(minutes=2))
    apply()
    day = conn.execute("select day, events, revenue_minor, unrated from relationship_day")
    assert day.fetchall() == [(dt.date(2026, 3, 2), 3, 900, 2)]


def test_dollars_become_won_at_the_rate_of_the_day(conn, tell, apply) -> None:
    rates = (
        '{"rates": [{"currency": "USD", "from": "2026-01-01", "rate": "1400"}, '
        '{"currency": "USD", "from": "2026-03-02", "rate": "1500.5"}, {"currency": 7}]}'
    )
    conn.execute("insert into setting values ('rates', %s, 1, %s, 'test')", [rates, NOW])
    tell(7, "Order Completed", {"revenue": "10.00", "currency": "USD"}, time=NOW - 300 * DAY)
    tell(8, "Order Completed", {"revenue": "10.00", "currency": "USD"}, time=NOW)
    apply()
    found = conn.execute("select customer_id, revenue_minor, unrated from relationship_day")
    assert sorted(found.fetchall()) == [(7, 14_000, 0), (8, 15_005, 0)]


def test_a_merged_customers_events_reach_the_winner(conn, tell, apply) -> None:
    tell(7, "Page Viewed", {"n": 1})
    tell(9, "Page Viewed", {"n": 2})
    apply()
    conn.execute("update customer set merged_into = 9 where customer_id = 7")
    tell(7, "Page Viewed", {"n": 3})
    apply()
    rows = conn.execute("select customer_id, props->>'n' from event_recent order by 2").fetchall()
    assert rows == [(7, "1"), (9, "2"), (9, "3")]


def test_nothing_is_kept_of_the_forgotten(conn, tell, apply) -> None:
    tell(7, "Page Viewed", {"n": 1})
    apply()
    conn.execute("update customer set erased_at = now() where customer_id = 7")
    tell(7, "Page Viewed", {"n": 2})
    apply()
    assert conn.execute("select count(*) from event_recent").fetchone()[0] == 1


def test_facts_of_our_own_do_not_follow_from_each_other_for_ever(conn, tell, apply) -> None:
    tell(7, "Stage Changed", {"to": "new"}, depth=9, origin="journey:1")
    tell(7, "Stage Changed", {"to": "new"}, depth=8, origin="journey:1", time=NOW + DAY)
    apply()
    assert conn.execute("select depth from event_recent").fetchall() == [(8,)]
    assert conn.execute("select source, reason from reject").fetchall() == [("journey:1", "loop")]


def test_a_lost_lease_stops_the_turn_before_it_does_anything(conn, tell, ground, leases) -> None:
    tell(7, "Page Viewed")
    stale = [Lease(one.partition, one.bucket_lo, one.bucket_hi, one.token - 1) for one in leases]
    with pytest.raises(LeaseLost):
        turn_once(conn, stale, ground, NOW, Pace())
    assert conn.execute("select count(*) from inbox").fetchone()[0] == 1


def test_one_row_that_cannot_be_applied_does_not_stop_the_rest(conn, tell, apply) -> None:
    tell(7, "Profile Updated", {"name": "good"})
    conn.execute(
        "insert into inbox select bucket, customer_id, gen_random_uuid(), name, time, received_at, "
        "utc_offset_min, '[1]', source, effect, cause, origin, depth from inbox"
    )
    conn.commit()
    apply()
    assert conn.execute("select traits->>'name' from customer").fetchone()[0] == "good"
    assert conn.execute("select reason from reject").fetchall() == [("bad_value",)]


def test_last_seen_is_by_own_doing_only(conn, tell, apply) -> None:
    tell(7, "Page Viewed", {"n": 1}, time=NOW - 9 * DAY)
    apply()
    tell(7, "Stage Changed", {"to": "lapsing"}, source="dangol", cause="time")
    tell(7, "Message Opened", {}, origin="send:1")
    tell(7, "Profile Updated", {"city": "Seoul"}, source="desk")
    tell(7, "Profile Updated", {"city": "Busan"}, effect="history")
    tell(7, "Profile Updated", {"$active": False, "plan": "a"})
    apply()
    assert conn.execute("select last_seen_at from customer").fetchone()[0] == NOW - 9 * DAY
    tell(7, "Message Replied", {}, time=NOW - DAY, origin="send:1")
    apply()
    assert conn.execute("select last_seen_at from customer").fetchone()[0] == NOW - DAY

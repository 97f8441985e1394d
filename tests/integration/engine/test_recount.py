"""When a rate, the zone or the event that counts changes, the past is counted anew."""

import datetime as dt

import pytest

from dangol.engine.recount import is_recount_due, recount_days
from dangol.settings import Settings
from dangol.store.brand import Brand, save_brand, save_setting
from dangol.store.lake.mover import move_once
from tests.integration.engine.conftest import NOW

RATES = {"rates": [{"currency": "USD", "from": "1990-01-01", "rate": "1000"}]}


def days(conn) -> list[tuple]:
    rows = conn.execute(
        "select customer_id, day, events, revenue_minor, unrated from relationship_day order by 1, 2"
    ).fetchall()
    conn.commit()
    return rows


@pytest.fixture
def shop(conn, tell, apply, dsn, tmp_path) -> Settings:
    """Orders of two people, half of them in the lake already."""
    settings = Settings(data=tmp_path, database_url=dsn)
    at = dt.datetime(2026, 3, 1, 16, 30, tzinfo=dt.UTC)  # 01:30 of 2 March in Seoul
    tell(7, "Order Completed", {"revenue": "5.50", "currency": "USD"}, time=at)
    tell(900, "Order Completed", {"revenue": 700}, time=at)
    tell(7, "Visit", {}, time=at)
    apply()
    assert move_once(dsn, settings, NOW) is not None
    tell(
        7,
        "Order Completed",
        {"revenue": "1.00", "currency": "USD"},
        time=at + dt.timedelta(hours=1),
    )
    apply()
    as_live_counted = days(conn)
    recount_days(settings, NOW)
    assert days(conn) == as_live_counted
    return settings


def test_counting_again_changes_nothing_by_itself(conn, shop) -> None:
    second = dt.date(2026, 3, 2)
    assert days(conn) == [(7, second, 2, 0, 2), (900, second, 1, 700, 0)]
    assert not is_recount_due(conn, NOW)


def test_a_rate_that_is_entered_later_counts_for_the_past(conn, shop) -> None:
    save_setting(conn, "rates", RATES, by="member:1", now=NOW)
    assert is_recount_due(conn, NOW)
    conn.commit()
    assert recount_days(shop, NOW) == 3
    assert days(conn)[0][1:] == (dt.date(2026, 3, 2), 2, 6_500, 0)
    assert not is_recount_due(conn, NOW)


def test_another_event_and_zone_make_other_days(conn, shop) -> None:
    save_brand(conn, Brand(relationship_event="Visit", zone="UTC"), by="member:1", now=NOW)
    conn.commit()
    assert recount_days(shop, NOW) == 1
    assert days(conn) == [(7, dt.date(2026, 3, 1), 1, 0, 1)]

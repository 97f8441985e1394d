"""Everybody's hours from a history, and one person's best hour against them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from dangol.know.timing.service import find_best_hour, learn_hours
from dangol.know.timing.store import add_model
from dangol.model.customer import bucket_of
from dangol.settings import Settings
from dangol.store.lake import snapshot
from tests.integration.know.crowd import add_customer

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SEOUL = "Asia/Seoul"
OWL, LARK, FEW, ABROAD = 1, 2, 4, 5


@pytest.fixture
def settings(dsn: str, tmp_path: Path) -> Settings:
    return Settings(data=tmp_path, database_url=dsn)


def act(
    conn: psycopg.Connection, who: int, at: datetime, name: str = "Page Viewed", **more
) -> None:
    conn.execute(
        "insert into event_recent (bucket, customer_id, time, event_id, name, received_at,"
        " recorded_at, utc_offset_min, props, source, effect, cause)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, 'test', 'live', 'behaviour')",
        [bucket_of(who), who, at, uuid4(), name, at, at, more.get("offset"),
         '{"machine": true}' if more.get("machine") else "{}"],
    )  # fmt: skip


@pytest.fixture
def crowd(conn: psycopg.Connection) -> psycopg.Connection:
    """In Seoul most come at 10, others at an hour of their own; the owl at 23, where UTC says 14; somebody in New York at 8."""
    for who in (OWL, LARK, FEW, ABROAD, *range(10, 40)):
        add_customer(conn, who, {})
    conn.execute("update customer set zone = 'America/New_York' where customer_id = %s", [ABROAD])
    for day in range(1, 31):
        for who in (LARK, *range(10, 40)):
            hour = who * 7 % 24 if who >= 10 and who % 10 else 1
            act(conn, who, NOW.replace(hour=hour, minute=who) - timedelta(days=day))
        act(conn, OWL, NOW.replace(hour=14, minute=5) - timedelta(days=day))
        act(conn, ABROAD, NOW.replace(hour=13, minute=5) - timedelta(days=day))
        act(conn, OWL, NOW.replace(hour=1) - timedelta(days=day), "Message Opened", machine=True)
        act(conn, OWL, NOW.replace(hour=15) - timedelta(days=day), "Order Completed")  # midnight
    act(conn, FEW, NOW - timedelta(days=1), offset=-60)
    conn.commit()
    return conn


def test_hours_are_those_of_each_persons_clock(
    crowd: psycopg.Connection, settings: Settings
) -> None:
    with snapshot(settings, settings.database_url or "") as snap:
        model = learn_hours(snap, SEOUL, NOW)
    assert model is not None
    assert max(range(24), key=model.everyone.__getitem__) == 10
    assert model.zones["America/New_York"][8] > model.zones[SEOUL][8]
    assert model.week[0:24].index(max(model.week[0:24])) == 10
    assert model.people == 34
    add_model(crowd, model)
    crowd.commit()
    owl = find_best_hour(settings, OWL, NOW)
    assert owl is not None
    assert (owl.hour in (22, 23), owl.is_own, owl.acts) == (True, True, 30)
    assert owl.is_enough
    lark = find_best_hour(settings, LARK, NOW)
    assert lark is not None
    assert lark.hour in (9, 10)
    few = find_best_hour(settings, FEW, NOW)
    assert few is not None
    assert (few.is_enough, few.is_own, few.hour) == (False, False, 10)
    crowd.execute("insert into customer (bucket, customer_id, zone, first_seen_at, last_seen_at,"
                  " created_at) values (6, 6, 'America/New_York', %(now)s, %(now)s, %(now)s)",
                  {"now": NOW})  # fmt: skip
    crowd.commit()
    silent = find_best_hour(settings, 6, NOW)
    assert silent is not None
    assert (silent.zone, silent.acts) == ("America/New_York", 0)
    abroad = find_best_hour(settings, ABROAD, NOW)
    assert abroad is not None
    assert (abroad.zone, abroad.is_own) == ("America/New_York", True)
    assert abroad.hour in (7, 8)


def test_without_any_act_nothing_is_learned(conn: psycopg.Connection, settings: Settings) -> None:
    add_customer(conn, 1, {})
    conn.commit()
    with snapshot(settings, settings.database_url or "") as snap:
        assert learn_hours(snap, SEOUL, NOW) is None
    assert find_best_hour(settings, 1, NOW) is None

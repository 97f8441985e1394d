"""Everybody's stage comes out the same, whichever number of processes it was spread over."""

import datetime as dt

import psycopg

from dangol.engine.upkeep import has_unjudged, judge_the_unjudged, refit_stages
from dangol.know.rhythm.service import rescore
from dangol.model.event import Cause
from dangol.settings import Settings

NOW = dt.datetime(2026, 3, 1, 3, tzinfo=dt.UTC)

_PACES = """
insert into relationship_day (bucket, customer_id, day, events, revenue_minor)
select n % 1024, n, date '2025-01-01' + (n % 150) + i * (5 + n % 40), 1, 1000
from generate_series(1, 600) as n, generate_series(0, n % 11) as i
"""
_STAGES = "select * from stage order by bucket, customer_id"
_TOLD = "select customer_id, event_id, props, cause from inbox order by customer_id, event_id"


def test_two_processes_decide_as_one_does(conn: psycopg.Connection, dsn: str) -> None:
    conn.execute(_PACES)
    conn.commit()
    found = []
    for workers in (1, 2):
        settings = Settings(database_url=dsn, workers=workers)
        assert refit_stages(settings, NOW)
        found.append((conn.execute(_STAGES).fetchall(), conn.execute(_TOLD).fetchall()))
        conn.execute("truncate stage, inbox, rhythm_model")
        conn.commit()
    stages, told = found[0]
    assert len(stages) == len({row[0] for row in told}) == 600
    assert found[0] == found[1]


def test_who_is_known_by_the_past_is_judged_when_no_more_of_it_comes(
    conn: psycopg.Connection, dsn: str
) -> None:
    settings = Settings(database_url=dsn, workers=1)
    conn.execute(_PACES)
    conn.commit()
    assert not has_unjudged(conn, NOW), "there is nothing to judge by"
    assert refit_stages(settings, NOW)
    assert not has_unjudged(conn, NOW)
    conn.execute("delete from stage where customer_id = 10")
    rescore(conn, (10, 10), NOW.date(), NOW, Cause.TIME, judges=False)
    conn.execute(
        "insert into import_run (id, kind, file_name, options, state, created_at, created_by)"
        " values (gen_random_uuid(), 'events', 'a.csv', '{}', 'applying', %s, 'test')",
        [NOW],
    )
    conn.commit()
    assert not has_unjudged(conn, NOW)
    assert has_unjudged(conn, NOW + dt.timedelta(hours=7)), "a command that was killed"
    conn.execute("update import_run set state = 'done'")
    conn.execute("delete from inbox")
    conn.commit()
    assert has_unjudged(conn, NOW)
    judge_the_unjudged(settings, NOW)
    assert not has_unjudged(conn, NOW)
    told = conn.execute("select distinct customer_id, effect, cause from inbox").fetchall()
    assert told == [(10, "history", "history")]

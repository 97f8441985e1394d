"""Everybody's stage comes out the same, whichever number of processes it was spread over."""

import datetime as dt

import psycopg

from dangol.engine.upkeep import refit_stages
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
    assert len(stages) == len(told) == 600
    assert found[0] == found[1]

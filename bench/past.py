"""The past of everybody who was imported: judged week by week, told, and taken in by Live."""

import datetime as dt
import time

from bench._ground import fresh_database
from bench.report import Figure, show
from dangol.engine.leases import ensure_leases, share_leases
from dangol.engine.rescoring import judge_waiting, rescore_everyone
from dangol.engine.tick import Ground, Pace, turn_once
from dangol.know.rhythm.service import refit
from dangol.model.event import Cause
from dangol.settings import Settings
from dangol.store.journal import Journal
from dangol.store.keyring import load_keyring
from dangol.store.pool import connect

_CUSTOMERS = 100_000
_NOW = dt.datetime(2026, 3, 1, 3, tzinfo=dt.UTC)
_PACES = """
insert into relationship_day (bucket, customer_id, day, events, revenue_minor)
select n %% 1024, n, date '2024-03-01' + (n * 791 %% 650) + i * (5 + n %% 60), 1, 1000
from generate_series(1, %s) as n, generate_series(0, (n * 31 %% 9)::int) as i
where date '2024-03-01' + (n * 791 %% 650) + i * (5 + n %% 60) < '2026-03-01'
"""
_WAITING = """
insert into stage (bucket, customer_id, stage, since, cause, repeats, first_day, last_day, scored_at)
select bucket, customer_id, 'unknown', %(now)s, 'history', count(*) - 1, min(day), max(day), %(now)s
from relationship_day group by 1, 2
"""


def main() -> None:
    """Print what the judging costs beside another day's rescoring, and how fast Live takes it in."""
    with fresh_database() as settings:
        with connect(settings.database_url or "", name="bench", autocommit=True) as conn:
            conn.execute(_PACES, [_CUSTOMERS])
            conn.execute(_WAITING, {"now": _NOW})
            conn.execute("vacuum analyze relationship_day, stage")
        with connect(settings.database_url or "", name="bench") as conn:
            refit(conn, _NOW.date(), _NOW)
        judged, days = _timed(lambda: judge_waiting(settings, _NOW)), iter(range(1, 9))
        rescored = min(_timed(lambda: _rescore(settings, next(days))) for _ in range(2))
        moves, live = _take_in(settings)
    note = f"{moves:,} changes of {_CUSTOMERS:,} customers in two years"
    what = f"the past of {_CUSTOMERS // 1000} K customers, judged and told"
    show(Figure(what, judged, "s", None, rescored, "another day", False, note))
    what = "the same, taken in by Live"
    show(Figure(what, moves / live, "changes/s", 20_000, None, "", True))


def _rescore(settings: Settings, days: int) -> None:
    rescore_everyone(settings, _NOW + dt.timedelta(days=days), Cause.TIME)


def _take_in(settings: Settings) -> tuple[int, float]:
    """How many changes waited, and the seconds in which they became history."""
    ground = Ground(load_keyring(settings.keyring_path), Journal(settings.journal_dir))
    dsn = settings.database_url or ""
    with connect(dsn, name="live") as conn:
        ensure_leases(conn, 16)
        leases, pace = share_leases(conn, "bench", []), Pace()
        waiting = conn.execute("select count(*) from inbox").fetchone()[0]
        conn.commit()
        begun, taken = time.perf_counter(), 0
        while taken < waiting:
            taken += turn_once(conn, leases, ground, dt.datetime.now(dt.UTC), pace).taken
        return waiting, time.perf_counter() - begun


def _timed(work: object) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()

"""Another day of silence for everybody, in the database: alone, and spread over processes."""

import datetime as dt
import time

from msgspec.structs import replace

from bench._ground import fresh_database
from bench.report import Figure, show
from dangol.engine.rescoring import rescore_everyone
from dangol.engine.upkeep import refit_stages
from dangol.model.event import Cause
from dangol.settings import Settings
from dangol.store.pool import connect

_CUSTOMERS = 300_000
_NOW = dt.datetime(2026, 3, 1, 3, tzinfo=dt.UTC)
_PACES = """
insert into relationship_day (bucket, customer_id, day, events, revenue_minor)
select n %% 1024, n, date '2025-01-01' + (n * 791 %% 300) + i * (5 + n %% 40), 1, 1000
from generate_series(1, %s) as n, generate_series(0, (n * 31 %% 7)::int) as i
where date '2025-01-01' + (n * 791 %% 300) + i * (5 + n %% 40) < '2026-03-01'
"""


def main() -> None:
    """Print the time alone beside that of two processes; which is better depends on the cores."""
    with fresh_database() as settings:
        with connect(settings.database_url or "", name="bench", autocommit=True) as conn:
            conn.execute(_PACES, [_CUSTOMERS])
            conn.execute("vacuum analyze relationship_day")
            refit_stages(settings, _NOW)
            conn.execute("vacuum analyze stage")
        days = iter(range(1, 100))
        best = {1: float("inf"), 2: float("inf")}
        for workers in (1, 2, 1, 2):
            spent = _seconds(replace(settings, workers=workers), next(days))
            best[workers] = min(best[workers], spent)
    show(
        Figure(
            "daily rescore of 300 K customers, written",
            best[1],
            "s",
            None,
            best[2],
            "two processes",
            higher_is_better=False,
        )
    )


def _seconds(settings: Settings, days: int) -> float:
    start = time.perf_counter()
    rescore_everyone(settings, _NOW + dt.timedelta(days=days), Cause.TIME)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()

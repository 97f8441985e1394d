"""A CSV of orders: from file to intake, and until every profile, day and stage shows it.

The baseline is DuckDB reading the same file into a table of text: what no import can beat.
"""

import csv
import datetime as dt
import multiprocessing
import random
import time
from pathlib import Path
from uuid import uuid4

import duckdb

from bench._ground import fresh_database
from bench.report import Figure, show
from dangol.engine.importing import Request, import_file
from dangol.engine.workers import run_engine
from dangol.listen.importing.fields import settle
from dangol.listen.importing.source import open_source
from dangol.settings import Settings

ROWS = 200_000
CUSTOMERS = 40_000


def main() -> None:
    """Measure and print."""
    with fresh_database() as settings:
        path = settings.data / "orders.csv"
        _write(path)
        bare = _bare(path)
        accepted, applied = _import(settings, path)
    show(
        Figure(
            "import, accepted",
            ROWS / accepted,
            "rows/s",
            budget=50_000,
            baseline=ROWS / bare,
            baseline_name="DuckDB read_csv",
        )
    )
    show(
        Figure(
            "import, applied",
            ROWS / applied,
            "rows/s",
            baseline=ROWS / bare,
            baseline_name="DuckDB read_csv",
            note="until profiles, days and stages show it",
        )
    )


def _write(path: Path) -> None:
    dice = random.Random(1)
    with path.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["customer_id", "date", "quantity", "revenue"])
        for _ in range(ROWS):
            day = dt.date(2024, 1, 1) + dt.timedelta(days=dice.randrange(600))
            amount = dice.randrange(100, 90_000) / 100
            writer.writerow([dice.randrange(CUSTOMERS), day, dice.randrange(1, 9), amount])


def _bare(path: Path) -> float:
    begun = time.monotonic()
    with duckdb.connect() as duck:
        duck.execute(f"create table t as from read_csv('{path}', all_varchar = true)")
    return time.monotonic() - begun


def _import(settings: Settings, path: Path) -> tuple[float, float]:
    """Seconds until everything stands in intake, and until everything is applied."""
    options = settle(open_source(path).columns, "events", {}, {"currency": "USD"})
    request = Request(run_id=uuid4(), path=path, file_name=path.name, options=options, by="bench")
    work = multiprocessing.get_context("spawn")
    stop = work.Event()
    engine = work.Process(target=run_engine, args=(settings, stop))
    engine.start()
    begun = time.monotonic()
    phases: dict[str, float] = {}
    import_file(settings, request, lambda **how: phases.setdefault(how["phase"], time.monotonic()))
    ended = time.monotonic()
    stop.set()
    engine.join()
    return phases.get("applying", ended) - begun, ended - begun


if __name__ == "__main__":
    main()

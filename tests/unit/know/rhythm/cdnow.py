"""The CDNOW order log, from the files that the `lifetimes` package brings along."""

import datetime as dt
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from dangol.cli.rhythm_files import read_orders
from dangol.know.rhythm.orderlog import OrderLog

CALIBRATION_END = dt.date(1997, 9, 30)
READ_AT = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def write_csv(which: str, target: Path) -> Path:
    """The `master` file (23,570 customers) or the `sample` (every tenth) as customer_id,date."""
    spec = find_spec("lifetimes")
    assert spec
    assert spec.submodule_search_locations
    folder = Path(spec.submodule_search_locations[0]) / "datasets"
    lines = (folder / f"CDNOW_{which}.txt").read_text().splitlines()
    at = 1 if which == "master" else 2
    rows = [line.split() for line in lines[1 if which == "master" else 0 :]]
    target.write_text("customer_id,date\n" + "".join(f"{row[0]},{row[at]}\n" for row in rows))
    return target


@cache
def load(which: str) -> OrderLog:
    """The same, read."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        return read_orders([write_csv(which, Path(folder) / "orders.csv")], READ_AT)

"""Everybody's stage and numbers against plain SQL over the orders: two ways that share no code.

In `make test` two thousand customers, in `make soak` a million. The formulas are written out again
in DuckDB; what a stage may be follows from p today: never below what p says by itself, and, once the
last order is four weeks ago, never above what p would still let somebody keep.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import msgspec
import numpy as np
import psycopg
import pyarrow as pa
import pytest
from pyarrow import parquet

from dangol.know.rhythm.model import RhythmModel
from dangol.know.rhythm.service import refit, rescore
from dangol.model.event import Cause
from dangol.store.bulk import copy_arrow
from dangol.store.pool import connect
from tests.unit.know.rhythm.crowd import SHOP, simulate

TODAY, DAYS = date(2026, 3, 11), 730
NOW = datetime(2026, 3, 11, 3, tzinfo=UTC)

_TRUTH = """
with counted as (
    select customer_id, count(distinct day) - 1 as x, min(day) as first, max(day) as last
    from read_parquet($orders) group by customer_id
), open as (
    select day, sum((day not in (select unnest($closed::date[])))::int) over (order by day) as n
    from (select unnest(generate_series($start::date, $today::date, interval 1 day))::date as day)
), seen as (
    select customer_id, x, last,
        greatest(l.n - f.n, (x > 0)::int) / 7 as tx,
        greatest((select max(n) from open) - f.n, greatest(l.n - f.n, (x > 0)::int)) / 7 as t
    from counted join open f on f.day = first join open l on l.day = last
), rated as (
    select *, ($alpha + tx) / ($r + x) * 7 as gap, least(greatest(2 * gap, 7), 364) as horizon,
        pow(($alpha + tx) / ($alpha + t), $r + x) as silence,
        1 / (1 + $a / ($b + x) / silence) as alive,
        alive * (1 - pow(($alpha + t) / ($alpha + t + horizon / 7), $r + x)) as p,
        x = 0 and t * 7 <= least(2 * $alpha / $r * 7, 364) as is_new
    from seen
)
select *,
    case when p >= $loyal_enter and x >= $loyal_repeats then 4 when p >= $active or is_new then 3
         when p >= $lapsing then 2 else 1 end as least,
    case when last > $today::date - 28 then 4
         when p >= $loyal_stay and x >= $loyal_repeats then 4
         when p >= $active - $band or is_new then 3 when p >= $lapsing - $band then 2 else 1 end as most
from rated
"""
_TOLD = """
select s.customer_id, repeats, gap_days, horizon_days, silence, p_alive, p, stage,
    array_position(array['inactive', 'lapsing', 'active', 'loyal'],
        case stage when 'new' then 'active' else stage end) as level
from stage s
"""


@pytest.fixture(
    scope="module",
    params=[2_000, pytest.param(1_000_000, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])],
    ids=lambda customers: f"{customers}-customers",
)
def told(request, server, template, tmp_path_factory) -> Iterator[tuple[pa.Table, pa.Table]]:
    """What the engine says of everybody, and what is true."""
    customers, orders = request.param, tmp_path_factory.mktemp("truth") / "orders.parquet"
    name = f"test_stage_truth_{customers}"
    admin = server.dsn.replace("/dangol?", "/postgres?")
    with psycopg.connect(admin, autocommit=True) as conn:
        conn.execute(f"create database {name} template {template} strategy file_copy")
    days = _write(customers, orders)
    with connect(server.dsn.replace("/dangol?", f"/{name}?"), name="test") as conn:
        copy_arrow(conn, "relationship_day", days)
        conn.execute("analyze relationship_day")
        model = refit(conn, TODAY, NOW)
        for lo in range(0, 1024, 64):
            rescore(conn, (lo, lo + 63), TODAY, NOW, Cause.REFIT)
            conn.commit()
        yield _said(conn), _true(orders, model)
    with psycopg.connect(admin, autocommit=True) as conn:
        conn.execute(f"drop database {name} with (force)")


def _write(customers: int, orders: Path) -> pa.Table:
    """Everybody's order days as the database keeps them; as a file, orders of one day twice."""
    crowd = simulate(SHOP, customers, DAYS, 12)
    first = np.datetime64(TODAY) - np.timedelta64(DAYS, "D")
    who, day = crowd.customer + 1, first + crowd.day
    parquet.write_table(pa.table({"customer_id": who, "day": day}), orders)
    kept = np.unique(np.stack([crowd.customer + 1, crowd.day]), axis=1)
    ones = np.ones(kept.shape[1], np.int32)
    return pa.table(
        {
            "bucket": pa.array(kept[0] % 1024, pa.int32()),
            "customer_id": kept[0],
            "day": first + kept[1],
            "events": ones,
            "revenue_minor": ones.astype(np.int64),
        }
    )


def _said(conn: psycopg.Connection) -> pa.Table:
    cursor = conn.execute(f"{_TOLD} order by customer_id")
    names = [column.name for column in cursor.description]
    return pa.table(dict(zip(names, zip(*cursor.fetchall(), strict=True), strict=True)))


def _true(orders: Path, model: RhythmModel) -> pa.Table:
    lines = msgspec.structs.asdict(model.thresholds)
    wanted = ("loyal_enter", "loyal_stay", "loyal_repeats", "active", "lapsing", "band")
    values = {name: lines[name] for name in wanted} | msgspec.structs.asdict(model.params)
    values |= {
        "orders": str(orders),
        "closed": list(model.calendar.closed),
        "start": TODAY - timedelta(DAYS),
        "today": TODAY,
    }
    with duckdb.connect() as duck:
        found = duck.sql(f"{_TRUTH} order by customer_id", params=values)
        return found.to_arrow_table()


def test_everybodys_numbers_are_the_plain_truth(told: tuple[pa.Table, pa.Table]) -> None:
    said, true = told
    assert said["customer_id"].to_pylist() == true["customer_id"].to_pylist()
    for ours, theirs in [("repeats", "x"), ("gap_days", "gap"), ("horizon_days", "horizon"),
                         ("silence", "silence"), ("p_alive", "alive"), ("p", "p")]:  # fmt: skip
        np.testing.assert_allclose(said[ours].to_numpy(), true[theirs].to_numpy(), rtol=1e-9)


def test_everybodys_stage_is_what_p_allows(told: tuple[pa.Table, pa.Table]) -> None:
    said, true = told
    level, least, most = (
        table[name].to_numpy() for table, name in ((said, "level"), (true, "least"), (true, "most"))
    )
    assert ((least <= level) & (level <= most)).all()
    assert (least == most).mean() > 0.8
    is_new = np.array(said["stage"].to_pylist()) == "new"
    assert (is_new == true["is_new"].to_numpy(zero_copy_only=False)).all()
    assert set(said["stage"].to_pylist()) == {"new", "active", "loyal", "lapsing", "inactive"}


def test_the_closed_days_are_among_those_counted(told: tuple[pa.Table, pa.Table]) -> None:
    """Seollal of 2026 lies three weeks back: who last ordered before it was quiet for less."""
    said, true = told
    quiet = (np.datetime64(TODAY) - true["last"].to_numpy()).astype(int)
    opened = (true["t"].to_numpy() - true["tx"].to_numpy()) * 7
    before = true["last"].to_numpy() < np.datetime64("2026-02-15")
    assert (opened[before] < quiet[before]).all()
    assert said.num_rows == len(quiet)

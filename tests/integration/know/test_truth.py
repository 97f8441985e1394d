"""Counts of segments against plain SQL over the raw files: two ways that share no code.

In `make test` over two thousand customers; `make soak` has a million of them with fifty million
events.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import psycopg
import pytest
from bench._history import fill_history

from dangol.engine.query.people import preview_condition
from dangol.know.segment import parse
from dangol.settings import Settings

ORDER, VIEW = "Order Completed", "Product Viewed"

TRUTHS = {
    "a city, a stage and a recent order": (
        {
            "kind": "all",
            "of": [
                {"kind": "trait", "name": "city", "op": "eq", "value": "서울"},
                {"kind": "stage", "in": ["loyal", "active"]},
                {"kind": "did", "name": ORDER, "within": {"days": 30}},
            ],
        },
        "n % 7 % 4 = 0 and n % 5 in (0, 1) and exists (select 1 from e where e.customer_id = n"
        " and name = 'Order Completed' and time > now - interval 30 day)",
    ),
    "often looked at one category, or nothing for a year": (
        {
            "kind": "any",
            "of": [
                {
                    "kind": "did",
                    "name": VIEW,
                    "times": {"op": "ge", "value": 12},
                    "where": [{"name": "category", "op": "eq", "value": "원두"}],
                },
                {"kind": "did_not", "name": VIEW, "within": {"days": 60}},
            ],
        },
        "(select count(*) from e where e.customer_id = n and name = 'Product Viewed'"
        " and props ->> 'category' = '원두') >= 12"
        " or not exists (select 1 from e where e.customer_id = n and name = 'Product Viewed'"
        " and time > now - interval 60 day)",
    ),
    "spent more than a sum": (
        {
            "kind": "measure",
            "name": ORDER,
            "take": "sum",
            "property": "total",
            "op": "gt",
            "value": 600_000,
        },
        "coalesce((select sum((props ->> 'total')::decimal(38, 6)) from e"
        " where e.customer_id = n and name = 'Order Completed'), 0) > 600000",
    ),
}


@pytest.fixture(
    scope="module",
    params=[
        (2_000, 100_000),
        pytest.param((1_000_000, 50_000_000), marks=[pytest.mark.soak, pytest.mark.timeout(3600)]),
    ],
    ids=lambda size: f"{size[0]}-customers",
)
def shop(request, server, template, tmp_path_factory) -> Iterator[tuple[Settings, int, datetime]]:
    """A database and a lake with so many customers and events."""
    customers, events = request.param
    name = f"test_truth_{customers}"
    admin = server.dsn.replace("/dangol?", "/postgres?")
    with psycopg.connect(admin, autocommit=True) as conn:
        conn.execute(f"create database {name} template {template} strategy file_copy")
    dsn = server.dsn.replace("/dangol?", f"/{name}?")
    settings = Settings(data=tmp_path_factory.mktemp("truth"), database_url=dsn)
    now = datetime.now(UTC)
    fill_history(settings, customers, events, now - timedelta(seconds=1))
    yield settings, customers, now
    with psycopg.connect(admin, autocommit=True) as conn:
        conn.execute(f"drop database {name} with (force)")


@pytest.mark.parametrize("name", TRUTHS)
def test_a_count_is_the_plain_truth(shop: tuple[Settings, int, datetime], name: str) -> None:
    settings, customers, _ = shop
    condition, plain = TRUTHS[name]
    found = preview_condition(settings, parse(condition), 0)
    assert found.people == _truth(settings.lake_dir, customers, found.as_of, plain)
    assert 0 < found.people < found.of == customers


def _truth(lake: Path, customers: int, now: datetime, plain: str) -> int:
    """How many of the people 1 to `customers` `plain` is true of; `n` is the person."""
    instant = f"timestamptz '{now.isoformat()}'"
    with duckdb.connect() as duck:
        duck.execute(
            "create view e as select customer_id, name, time, props::json as props"
            f" from read_parquet('{lake}/**/*.parquet', union_by_name = true)"
        )
        where = plain.replace("now -", f"{instant} -")
        rows = duck.sql(f"select count(*) from range(1, {customers} + 1) p(n) where {where}")
        return rows.fetchall()[0][0]

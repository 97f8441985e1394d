"""A, then B: the same people whatever the order in which files hold their events."""

from collections.abc import Iterator
from datetime import timedelta

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dangol.know.segment import compile, evaluate, parse
from dangol.know.segment.compile import compile_questions
from dangol.know.segment.condition import Happens
from dangol.know.segment.oracle import Happening, Person
from dangol.know.segment.plan import Sequel
from tests.unit.know.segment.duck import TABLES, open_lake
from tests.unit.know.segment.world import NOW

PEOPLE = (0, 1, 300, 1_023, 1_024)

_facts = st.tuples(st.sampled_from(PEOPLE), st.sampled_from("aab"), st.integers(0, 12))
_leaves = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["followed", "not_followed"]),
        "name": st.just("a"),
        "then": st.sampled_from([{"name": "b"}, {"name": "b"}, {"name": "a"}]),
        "after": st.sampled_from([{"hours": 1}, {"hours": 3}, {"hours": 8}]),
    },
    optional={"within": st.sampled_from([{"hours": 5}, {"hours": 9}])},
)


@pytest.fixture(scope="module")
def lake() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = open_lake()
    yield connection
    connection.close()


@pytest.mark.parametrize("is_sorted", [True, False])
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(facts=st.lists(_facts, min_size=1, max_size=40), leaf=_leaves)
def test_files_may_hold_events_in_any_order(
    lake: duckdb.DuckDBPyConnection, facts: list, leaf: dict, is_sorted: bool
) -> None:
    if is_sorted:
        facts = sorted(facts, key=_place)
    rows = _lay(lake, facts)
    condition = parse(leaf)
    found = {row[1] for row in lake.execute(*compile(condition, NOW)).fetchall()}
    histories = {
        one: [Happening(name=row[2], time=row[3]) for row in rows if row[1] == one]
        for one in PEOPLE
    }
    assert found == {
        one
        for one, events in histories.items()
        if evaluate(condition, Person(customer_id=one), events, NOW)
    }


@pytest.mark.parametrize("came", [True, False])
def test_who_stands_in_order_is_not_looked_at_again(
    lake: duckdb.DuckDBPyConnection, came: bool
) -> None:
    facts = [
        (one, name, ago)
        for one in PEOPLE
        for ago, name in zip(range(9, 4, -1), "abaab", strict=True)
    ]
    _lay(lake, sorted(facts, key=_place))
    asked = Sequel("a", None, (), Happens(name="b"), timedelta(hours=1), came)
    ((_, sql, values),) = compile_questions([asked], NOW)
    told, _, _ = sql.partition("), again as (")
    found = lake.execute(f"{told}) select count(*), bool_and(is_plain) from told", values)
    assert found.fetchone() == (len(PEOPLE), True)
    assert sorted(lake.execute(sql, values).fetchall()) == [
        (one, 2 if came else 1) for one in PEOPLE
    ]


def _place(fact: tuple[int, str, int]) -> tuple[int, int, int]:
    one, _, ago = fact
    return one % 1_024, one, -ago


def _lay(lake: duckdb.DuckDBPyConnection, facts: list[tuple[int, str, int]]) -> list[list]:
    lake.execute(TABLES)
    lake.execute(
        "insert into customers select id % 1024, id, '{}', null from unnest($1) t(id)",
        [list(PEOPLE)],
    )
    rows = [[one % 1_024, one, name, NOW - timedelta(hours=ago)] for one, name, ago in facts]
    marks = ", ".join(["(?, ?, ?, ?, '{}')"] * len(rows))
    lake.execute(f"insert into events values {marks}", [cell for row in rows for cell in row])
    return rows

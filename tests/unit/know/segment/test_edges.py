"""The specification as a table: each row has to hold in DuckDB and in plain Python."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import duckdb
import pytest

from dangol.know.segment import compile, evaluate, parse
from tests.unit.know.segment.duck import as_person, fill, open_lake
from tests.unit.know.segment.world import NOW, ZONE

DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)


@pytest.fixture(scope="module")
def lake() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = open_lake()
    yield connection
    connection.close()


def _answers(
    lake: duckdb.DuckDBPyConnection, one: dict, question: dict, now: datetime = NOW
) -> set[bool]:
    """What both say about one person; a set of one when they agree."""
    fill(lake, [one], now)
    condition = parse(question)
    sql, values = compile(condition, now, ZONE)
    return {
        bool(lake.execute(sql, values).fetchall()),
        evaluate(condition, *as_person(0, one, now), now, ZONE),
    }


def _person(traits: dict[str, Any] | None = None, events: list[tuple] | None = None) -> dict:
    return {"traits": traits or {}, "events": events or []}


@pytest.mark.parametrize(
    ("value", "op", "wanted", "expected"),
    [
        ("Seoul", "eq", "sEOUL", True),
        ("Seoul", "ne", "seoul", False),
        (None, "ne", "seoul", False),
        (5, "ne", "seoul", False),
        ("e\u0301", "eq", "É", True),
        ("서울", "eq", "서울", True),
        ("STRASSE", "starts_with", "straß", True),
        ("a%b", "contains", "%", True),
        ("axb", "contains", "%", False),
        ("a_b", "contains", "_B", True),
        ("", "eq", "", True),
        ("b", "gt", "A", True),
        ("😀", "gt", "\uffff", True),
        ("12", "eq", 12, False),
        (12, "eq", "12", False),
        (True, "eq", 1, False),
        (1, "eq", True, False),
        (False, "ne", True, True),
        (12, "eq", 12.0, True),
        (2**53 + 1, "eq", 2**53, True),
        (-0.0, "eq", 0, True),
        (10**400, "gt", 5, False),
        (-(10**400), "lt", 5, False),
        (10**400, "ne", 5, False),
        (10**400, "exists", None, True),
        (0.1 + 0.2, "gt", 0.3, True),
        ("B", "in", ["a", "b"], True),
        (3, "in", [1, 3.0], True),
        ("3", "in", [1, 3], False),
        ([1], "exists", None, True),
        ({}, "exists", None, True),
        ("", "exists", None, True),
        (False, "exists", None, True),
        (None, "exists", None, False),
        (None, "missing", None, True),
        (0, "missing", None, False),
    ],
)  # fmt: skip
def test_comparing(
    lake: duckdb.DuckDBPyConnection, value: object, op: str, wanted: object, expected: bool
) -> None:
    question = {"kind": "trait", "name": "it", "op": op}
    if wanted is not None:
        question["value"] = wanted
    assert _answers(lake, _person({"it": value}), question) == {expected}
    event = [("It", NOW, {"it": value})]
    where = {key: item for key, item in question.items() if key != "kind"}
    did = {"kind": "did", "name": "It", "where": [where]}
    assert _answers(lake, _person(events=event), did) == {expected}


@pytest.mark.parametrize(("op", "expected"), [("exists", False), ("missing", True)])
def test_absent_is_as_null(lake: duckdb.DuckDBPyConnection, op: str, expected: bool) -> None:
    question = {"kind": "trait", "name": "it", "op": op}
    assert _answers(lake, _person(), question) == {expected}
    denied = {"kind": "not", "of": {"kind": "trait", "name": "it", "op": "eq", "value": 1}}
    assert _answers(lake, _person(), denied) == {True}


@pytest.mark.parametrize(
    ("value", "op", "wanted", "expected"),
    [
        ("2026-03-10", "eq", "2026-03-10T00:00:00+09:00", True),
        ("2026-03-10", "eq", "2026-03-09T15:00:00Z", True),
        ("2026-03-10", "lt", "2026-03-10T00:00:00.000001+09:00", True),
        ("2026-03-09T15:00:00Z", "eq", "2026-03-10", True),
        ("2026-03-10 09:30", "gt", "2026-03-10", True),
        ("2026-03-10T09:30:00.1234567Z", "eq", "2026-03-10T09:30:00.123456Z", True),
        ("2026-02-30", "ne", "2026-03-10", False),
        ("tomorrow", "ne", "2026-03-10", False),
        ("20260310", "ne", "2026-01-01", False),
        (20260310, "ne", "2026-01-01", False),
        ("0000-01-01", "lt", "2026-01-01", False),
        ("0001-01-01", "lt", "2026-01-01", True),
        ("9999-12-31T23:59:59-14:00", "gt", "2026-01-01", True),
        ("2026-03-10T24:00", "ne", "2026-01-01", False),
    ],
)
def test_comparing_times(
    lake: duckdb.DuckDBPyConnection, value: object, op: str, wanted: str, expected: bool
) -> None:
    question = {"kind": "trait", "name": "it", "op": op, "type": "time", "value": wanted}
    assert _answers(lake, _person({"it": value}), question) == {expected}


@pytest.mark.parametrize("days", [1, 30])
@pytest.mark.parametrize(
    ("after_start", "is_within"), [(-TICK, False), (0 * TICK, False), (TICK, True)]
)
def test_windows_begin_exactly(
    lake: duckdb.DuckDBPyConnection, days: int, after_start: timedelta, is_within: bool
) -> None:
    event = [("It", NOW - days * DAY + after_start, {})]
    within = {"kind": "did", "name": "It", "within": {"days": days}}
    assert _answers(lake, _person(events=event), within) == {is_within}
    longer = {"kind": "did", "name": "It", "within": {"days": 400}}
    both = {"kind": "all", "of": [within, longer]}
    assert _answers(lake, _person(events=event), both) == {is_within}


@pytest.mark.parametrize(("offset", "is_known"), [(-TICK, True), (0 * TICK, True), (TICK, False)])
def test_nothing_counts_that_lies_ahead(
    lake: duckdb.DuckDBPyConnection, offset: timedelta, is_known: bool
) -> None:
    event = [("It", NOW + offset, {})]
    for question in (
        {"kind": "did", "name": "It"},
        {"kind": "did", "name": "It", "within": {"days": 1}},
        {"kind": "not", "of": {"kind": "did_not", "name": "It"}},
    ):
        assert _answers(lake, _person(events=event), question) == {is_known}


@pytest.mark.parametrize("happened", range(4))
@pytest.mark.parametrize(
    ("op", "holds"),
    [
        ("eq", lambda n: n == 2),
        ("ne", lambda n: n != 2),
        ("lt", lambda n: n < 2),
        ("le", lambda n: n <= 2),
        ("gt", lambda n: n > 2),
        ("ge", lambda n: n >= 2),
    ],
)
def test_counting(lake: duckdb.DuckDBPyConnection, happened: int, op: str, holds: Any) -> None:
    events = [("It", NOW - index * DAY, {}) for index in range(happened)]
    question = {"kind": "did", "name": "It", "times": {"op": op, "value": 2}}
    assert _answers(lake, _person(events=events), question) == {holds(happened)}


def test_all_of_where_hold_for_one_event(lake: duckdb.DuckDBPyConnection) -> None:
    events = [("It", NOW, {"a": 1, "b": 2}), ("It", NOW, {"a": 2, "b": 1})]
    where = [{"name": "a", "op": "eq", "value": 1}, {"name": "b", "op": "eq", "value": 1}]
    question = {"kind": "did", "name": "It", "where": where}
    assert _answers(lake, _person(events=events), question) == {False}

"""Each leaf at its edges: what the documentation promises holds in DuckDB and in plain Python."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import duckdb
import pytest

from dangol.know.segment import compile, evaluate, parse
from dangol.know.segment.anniversary import lunar_keys
from dangol.know.segment.share import unit
from dangol.know.segment.window import known_zones, start_of_day
from tests.unit.know.segment.duck import as_person, fill, open_lake
from tests.unit.know.segment.world import NOW, ZONE

DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)
SEGMENT = UUID(int=7)
ORDER = {"name": "Order"}


@pytest.fixture(scope="module")
def lake() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = open_lake()
    yield connection
    connection.close()


def answers(
    lake: duckdb.DuckDBPyConnection, question: dict, now: datetime = NOW, **known: Any
) -> set[bool]:
    """What both say about one person; a set of one when they agree."""
    one = {"traits": {}, **known}
    fill(lake, [one], now)
    condition = parse(question)
    sql, values = compile(condition, now, ZONE, zones=[known.get("zone") or ZONE])
    return {
        bool(lake.execute(sql, values).fetchall()),
        evaluate(condition, *as_person(0, one, now), now, ZONE),
    }


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


# -- windows -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("within", "zone", "now", "inside", "outside"),
    [
        ({"hours": 6}, None, "2026-03-10T12:00+00:00", "2026-03-10T06:00:00.000001+00:00", "2026-03-10T06:00+00:00"),
        ({"calendar_days": 1}, None, "2026-03-10T12:00+00:00", "2026-03-09T15:00+00:00", "2026-03-09T14:59:59.999999+00:00"),
        ({"calendar_days": 1}, "Mars/Base", "2026-03-10T12:00+00:00", "2026-03-09T15:00+00:00", "2026-03-09T14:59:59.999999+00:00"),
        ({"calendar_days": 2}, "Pacific/Niue", "2026-03-10T12:00+00:00", "2026-03-09T11:00+00:00", "2026-03-09T10:59:59+00:00"),
        ({"calendar_weeks": 1}, "Europe/Berlin", "2026-03-29T12:00+00:00", "2026-03-22T23:00+00:00", "2026-03-22T22:59:59+00:00"),
        ({"calendar_days": 1}, "Europe/Berlin", "2026-03-29T21:59+00:00", "2026-03-28T23:00+00:00", "2026-03-28T22:59:59+00:00"),
        ({"calendar_days": 1}, "Europe/Berlin", "2026-10-25T22:59+00:00", "2026-10-24T22:00+00:00", "2026-10-24T21:59:59+00:00"),
        ({"calendar_days": 1}, "Africa/Cairo", "2026-04-24T12:00+00:00", "2026-04-23T22:00+00:00", "2026-04-23T21:59:59+00:00"),
        ({"calendar_months": 2}, "America/New_York", "2026-03-31T12:00+00:00", "2026-02-01T05:00+00:00", "2026-02-01T04:59:59+00:00"),
        ({"from": "2026-03-01", "until": "2026-03-08"}, "America/New_York", "2026-04-01T00:00+00:00", "2026-03-09T03:59:59+00:00", "2026-03-09T04:00+00:00"),
        ({"from": "2026-03-01"}, None, "2026-04-01T00:00+00:00", "2026-02-28T15:00+00:00", "2026-02-28T14:59:59+00:00"),
        ({"until": "2026-03-01"}, None, "2026-04-01T00:00+00:00", "2026-03-01T14:59:59.999999+00:00", "2026-03-01T15:00+00:00"),
    ],
)  # fmt: skip
def test_windows_begin_and_end_with_the_clock_on_the_wall(
    lake: duckdb.DuckDBPyConnection, within: dict, zone: str, now: str, inside: str, outside: str
) -> None:
    question = {"kind": "did", **ORDER, "within": within}
    for time, expected in ((inside, True), (outside, False)):
        events = [("Order", at(time), {})]
        assert answers(lake, question, at(now), zone=zone, events=events) == {expected}


def test_a_day_begins_when_its_date_first_shows() -> None:
    starts = [date(year, month, 1) for year in (1911, 1987, 2018) for month in (3, 10)]
    for zone in [*sorted(known_zones())[::25], "America/St_Johns", "Africa/Cairo", "Asia/Beirut"]:
        clock = ZoneInfo(zone)
        for day in (first + step * DAY for first in starts for step in range(31)):
            begins = start_of_day(day, zone)
            assert begins.astimezone(clock).date() == day
            assert (begins - TICK).astimezone(clock).date() < day


# -- the profile ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trait", "value", "expected"),
    [
        ({"name": ["address", "city"], "op": "eq", "value": "seoul"}, {"address": {"city": "Seoul"}}, True),
        ({"name": ["address", "city"], "op": "exists"}, {"address": "Seoul"}, False),
        ({"name": "address.city", "op": "exists"}, {"address": {"city": "Seoul"}}, False),
        ({"name": ["pets", "1", "name"], "op": "eq", "value": "나비"}, {"pets": [{}, {"name": "나비"}]}, True),
        ({"name": ["pets", "01"], "op": "exists"}, {"pets": [1, 2]}, False),
        ({"name": "tags", "op": "has_any", "value": ["VIP", "new"]}, {"tags": ["vip", 3]}, True),
        ({"name": "tags", "op": "has_any", "value": ["VIP"]}, {"tags": "vip"}, False),
        ({"name": "tags", "op": "has_all", "value": [3, 4]}, {"tags": ["3", 4.0, 3]}, True),
        ({"name": "tags", "op": "has_all", "value": [3, 4]}, {"tags": ["3", 4]}, False),
        ({"name": "tags", "of": "length", "op": "ge", "value": 2}, {"tags": [None, []]}, True),
        ({"name": "tags", "of": "length", "op": "ge", "value": 0}, {"tags": "ab"}, False),
        ({"name": "city", "op": "not_in", "value": ["a", "b"]}, {"city": "C"}, True),
        ({"name": "city", "op": "not_in", "value": ["a", "b"]}, {"city": 5}, False),
        ({"name": "city", "op": "ends_with", "value": "구"}, {"city": "마포구"}, True),
    ],
)  # fmt: skip
def test_nested_names_and_lists(
    lake: duckdb.DuckDBPyConnection, trait: dict, value: dict, expected: bool
) -> None:
    assert answers(lake, {"kind": "trait", **trait}, traits=value) == {expected}


@pytest.mark.parametrize(
    ("asked", "value", "zone", "expected"),
    [
        ({"op": "on", "day": {"days_ago": 0}}, "2026-03-10", None, True),
        ({"op": "on", "day": {"days_ahead": 1}}, "2026-03-10", "Pacific/Niue", False),
        ({"op": "on", "day": {"days_ahead": 0}}, "2026-03-10T16:00:00Z", None, False),
        ({"op": "on", "day": {"days_ahead": 1}}, "2026-03-10T16:00:00Z", None, True),
        ({"op": "on", "day": {"days_ahead": 1}}, "2026-03-11T23:59:59", None, True),
        ({"op": "before", "day": "2026-03-10"}, "2026-03-09T23:59:59.999999", None, True),
        ({"op": "before", "day": "2026-03-10"}, "2026-03-10", None, False),
        ({"op": "after", "day": "2026-03-10"}, "2026-03-11", None, True),
        ({"op": "after", "day": "2026-03-10"}, "2026-03-10T15:00:00Z", "Asia/Seoul", True),
        ({"op": "after", "day": "2026-03-10"}, "2026-03-10T15:00:00Z", "Europe/Berlin", False),
        ({"op": "next", "days": 1}, "2026-03-10", None, True),
        ({"op": "next", "days": 7}, "2026-03-16", None, True),
        ({"op": "next", "days": 7}, "2026-03-17", None, False),
        ({"op": "last", "days": 7}, "2026-03-04", None, True),
        ({"op": "last", "days": 7}, "2026-03-11", None, False),
        ({"op": "before", "day": "2026-03-10"}, "2026-02-30", None, False),
        ({"op": "before", "day": "2026-03-10"}, 20260301, None, False),
    ],
)  # fmt: skip
def test_days_of_dates(
    lake: duckdb.DuckDBPyConnection, asked: dict, value: object, zone: str, expected: bool
) -> None:
    question = {"kind": "date", "name": ["plan", "ends"], **asked}
    assert answers(lake, question, traits={"plan": {"ends": value}}, zone=zone) == {expected}


@pytest.mark.parametrize(
    ("born", "today", "days", "calendar", "expected"),
    [
        ("2000-02-29", "2026-02-28", 1, "solar", True),
        ("2000-02-29", "2026-03-01", 1, "solar", False),
        ("2000-02-29", "2028-02-28", 1, "solar", False),
        ("2000-02-29", "2028-02-29", 1, "solar", True),
        ("02-28", "2028-02-28", 1, "solar", True),
        ("1990-01-03", "2025-12-30", 5, "solar", True),
        ("1990-01-03", "2025-12-30", 4, "solar", False),
        ("1990-01-01", "2026-02-17", 1, "lunar", True),  # Seollal
        ("1990-08-15", "2026-09-25", 1, "lunar", True),  # Chuseok
        ("08-15", "2026-09-19", 7, "lunar", True),
        ("1987-윤06-15", "2026-07-28", 1, "lunar", True),  # no leap month: in the month itself
        ("1987-윤06-15", "2025-07-09", 1, "lunar", False),  # a leap month follows
        ("1987-윤06-15", "2025-08-08", 1, "lunar", True),
        ("1987-06-15", "2025-08-08", 1, "lunar", False),
        ("1987-윤06-15", "2026-07-28", 1, "solar", False),
        ("02-30", "2026-04-16", 1, "lunar", True),  # that month has 29 days
        ("2 March", "2026-03-02", 366, "solar", False),
        (None, "2026-03-02", 366, "solar", False),
    ],
)  # fmt: skip
def test_anniversaries(
    lake: duckdb.DuckDBPyConnection, born: str, today: str, days: int, calendar: str, expected: bool
) -> None:
    question = {
        "kind": "anniversary",
        "name": "born",
        "within": {"days": days},
        "calendar": calendar,
    }
    noon = at(f"{today}T12:00:00+09:00")
    assert answers(lake, question, noon, traits={"born": born}) == {expected}
    if expected and days > 1:
        past = {**question, "direction": "past"}
        assert answers(lake, past, noon, traits={"born": born}) == {False}


def test_the_lunar_calendar_ends_without_a_crash() -> None:
    assert lunar_keys(date(2051, 1, 1)) == ()
    assert lunar_keys(date(2050, 12, 30))


@pytest.mark.parametrize(
    ("area", "traits", "expected"),
    [
        ({"circle": {"lat": 0, "lon": 0, "radius_m": 111_196}}, {"latitude": 1, "longitude": 0}, True),
        ({"circle": {"lat": 0, "lon": 0, "radius_m": 111_195}}, {"latitude": 1, "longitude": 0}, False),
        ({"circle": {"lat": 0, "lon": 179.9, "radius_m": 30_000}}, {"latitude": 0, "longitude": -179.9}, True),
        ({"circle": {"lat": 0, "lon": 0, "radius_m": 9}}, {"latitude": "0", "longitude": "0"}, False),
        ({"circle": {"lat": 0, "lon": 0, "radius_m": 9}}, {"address": {"latitude": 0, "longitude": 0}}, True),
        ({"polygon": [[0, 0], [4, 0], [4, 4], [2, 1], [0, 4]]}, {"latitude": 3, "longitude": 2}, False),
        ({"polygon": [[0, 0], [4, 0], [4, 4], [2, 1], [0, 4]]}, {"latitude": 0.5, "longitude": 2}, True),
        ({"polygon": [[0, 0], [4, 0], [4, 4], [2, 1], [0, 4]]}, {"latitude": 91, "longitude": 2}, False),
        ({"postcodes": ["06"]}, {"postcode": "06 236"}, True),
        ({"postcodes": ["sw1a"]}, {"address": {"postalCode": "SW1A 1AA"}}, True),
        ({"postcodes": ["06"]}, {"postcode": 6236}, False),
        ({"regions": ["서울특별시"]}, {"postcode": "06236"}, True),
        ({"regions": ["서울"]}, {"postcode": "0623"}, False),
        ({"regions": ["Busan", "제주도"]}, {"postcode": "63-309"}, True),
        ({"regions": ["경기"]}, {"postcode": "06236"}, False),
        ({"postcodes": ["1"], "postcode": ["home", "zip"]}, {"home": {"zip": "10001"}}, True),
        ({"circle": {"lat": 1, "lon": 2, "radius_m": 5}, "latitude": "y", "longitude": "x"}, {"y": 1, "x": 2}, True),
    ],
)  # fmt: skip
def test_places(lake: duckdb.DuckDBPyConnection, area: dict, traits: dict, expected: bool) -> None:
    assert answers(lake, {"kind": "place", **area}, traits=traits) == {expected}


@pytest.mark.parametrize(
    ("of", "key", "expected"),
    [
        ("global-2026", "1", 0.279799172091),
        ("global-2026", "2", 0.862965646012),
        ("global-2026", "user-1001", 0.284898085567),
        ("global-2026", "zoë", 0.058754840246),
        ("camp-42", "1", 0.236627772240),
        ("camp-42", "2", 0.633675896807),
        ("camp-42", "zoë", 0.322525664343),
    ],
)
def test_shares_are_of_the_published_hash(of: str, key: str, expected: float) -> None:
    assert unit(of, key) == pytest.approx(expected, abs=1e-12)


def test_shares_part_everyone_evenly_and_alike_on_both_sides(
    lake: duckdb.DuckDBPyConnection,
) -> None:
    people = 20_000
    fill(lake, [], NOW)
    lake.execute(
        f"insert into customers select i % 1024, i, '{{}}', null from range({people}) t(i)"
    )
    seen: set[int] = set()
    for step in range(4):
        asked = {"kind": "share", "of": "quarters", "from": step / 4, "to": (step + 1) / 4}
        rows = lake.execute(*compile(parse(asked), NOW)).fetchall()
        found = {customer for _, customer in rows}
        assert all(step / 4 <= unit("quarters", one) < (step + 1) / 4 for one in found)
        assert abs(len(found) - people / 4) < 250  # four standard deviations
        assert not found & seen
        seen |= found
    assert len(seen) == people


# -- the history ---------------------------------------------------------------------------


def _totals(*totals: object) -> list[tuple]:
    return [("Order", NOW - index * DAY, {"total": total}) for index, total in enumerate(totals)]


@pytest.mark.parametrize(
    ("take", "op", "value", "totals", "expected"),
    [
        ("sum", "eq", 0.3, [0.1, 0.2], True),
        ("sum", "eq", 1e12, [1e12, 0.1, -0.1], True),
        ("sum", "eq", 2, [1, "1", None, True, 1, 1e13], True),
        ("sum", "eq", 0, [], True),
        ("sum", "lt", 5, [], True),
        ("average", "lt", 5, [], False),
        ("average", "eq", 2, [1, 3], True),
        ("average", "gt", 3.333333, [3, 3, 4], True),
        ("average", "lt", 3.333334, [3, 3, 4], True),
        ("min", "eq", -1.5, [3, -1.5, "-9"], True),
        ("min", "lt", 5, ["x"], False),
        ("max", "ge", 1e300, [3, 1e300], True),
        ("distinct", "eq", 4, ["A", "a", 1, 1.0, True, False, None, [1]], True),
        ("distinct", "eq", 0, [None], True),
    ],
)
def test_measures(
    lake: duckdb.DuckDBPyConnection, take: str, op: str, value: float, totals: list, expected: bool
) -> None:
    question = {
        "kind": "measure",
        **ORDER,
        "take": take,
        "property": "total",
        "op": op,
        "value": value,
    }
    for order in (totals, totals[::-1]):
        assert answers(lake, question, events=_totals(*order)) == {expected}


@pytest.mark.parametrize(
    ("kind", "gap", "passed", "expected"),
    [
        ("followed", DAY, 3 * DAY, True),
        ("followed", 2 * DAY, 3 * DAY, True),
        ("followed", 2 * DAY + TICK, 3 * DAY, False),
        ("followed", 0 * DAY, 3 * DAY, False),
        ("followed", TICK, TICK, True),
        ("not_followed", None, 2 * DAY, True),
        ("not_followed", None, 2 * DAY - TICK, False),
        ("not_followed", 2 * DAY, 3 * DAY, False),
        ("not_followed", 2 * DAY + TICK, 3 * DAY, True),
        ("not_followed", 0 * DAY, 3 * DAY, True),
    ],
)
def test_one_event_after_another(
    lake: duckdb.DuckDBPyConnection,
    kind: str,
    gap: timedelta | None,
    passed: timedelta,
    expected: bool,
) -> None:
    question = {"kind": kind, "name": "Cart", "then": ORDER, "after": {"days": 2}}
    events = [("Cart", NOW - passed, {})]
    events += [("Order", NOW - passed + gap, {})] if gap is not None else []
    assert answers(lake, question, events=events) == {expected}


@pytest.mark.parametrize(
    ("kind", "more", "expected"),
    [
        ("first", {"within": {"days": 2}}, False),
        ("first", {"within": {"days": 6}}, True),
        ("last", {"within": {"days": 2}}, True),
        ("last", {"within": {"until": "2026-03-07"}}, False),
        ("first", {"has": [{"name": "total", "op": "eq", "value": 5}]}, True),
        ("first", {"has": [{"name": "total", "op": "eq", "value": 1}]}, False),
        ("last", {"has": [{"name": "total", "op": "eq", "value": 1}]}, True),
        (
            "last",
            {"where": [{"name": "total", "op": "gt", "value": 2}], "within": {"days": 2}},
            False,
        ),
    ],
)
def test_first_and_last(
    lake: duckdb.DuckDBPyConnection, kind: str, more: dict, expected: bool
) -> None:
    events = [
        ("Order", NOW - 5 * DAY, {"total": 5}),
        ("Order", NOW - 1 * DAY, {"total": 1}),
        ("Order", NOW + 1 * DAY, {"total": 9}),
    ]
    assert answers(lake, {"kind": kind, **ORDER, **more}, events=events) == {expected}
    assert answers(lake, {"kind": kind, **ORDER, **more}) == {False}


@pytest.mark.parametrize(("at_least", "expected"), [(2, True), (3, False)])
def test_weeks_are_counted_once_however_many_events(
    lake: duckdb.DuckDBPyConnection, at_least: int, expected: bool
) -> None:
    times = [
        "2026-03-09T00:00+09:00",
        "2026-03-08T23:59+09:00",
        "2026-03-02T00:00+09:00",
        "2026-02-15T23:59+09:00",
    ]
    events = [("Order", at(time).astimezone(UTC), {}) for time in times]
    question = {"kind": "regularly", **ORDER, "step": "week", "of_last": 4, "at_least": at_least}
    assert answers(lake, question, events=events) == {expected}


# -- standing ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "stage", "expected"),
    [
        ({"at_least": {"days": 7}}, ("loyal", NOW - 7 * DAY, "new"), True),
        ({"at_least": {"days": 7}}, ("loyal", NOW - 7 * DAY + TICK, "new"), False),
        ({"less_than": {"days": 7}}, ("loyal", NOW - 7 * DAY, "new"), False),
        ({"less_than": {"days": 7}}, ("loyal", NOW - 7 * DAY + TICK, "new"), True),
        ({"previous": ["new"]}, ("loyal", NOW, "new"), True),
        ({"previous": ["unknown"]}, ("loyal", NOW, None), True),
        ({"in": ["unknown"], "previous": ["unknown"]}, None, False),
        ({"in": ["unknown"], "less_than": {"days": 7}}, None, False),
        ({"in": ["unknown"]}, None, True),
    ],
)  # fmt: skip
def test_how_long_a_stage_lasts(
    lake: duckdb.DuckDBPyConnection, asked: dict, stage: tuple | None, expected: bool
) -> None:
    question = {"kind": "stage", "in": ["loyal"], **asked}
    assert answers(lake, question, stage=stage) == {expected}


@pytest.mark.parametrize(
    ("consent", "topic", "expected"),
    [
        ("granted", None, True),
        ("granted", "granted", True),
        ("granted", "withdrawn", False),
        ("unknown", "granted", False),
        (None, None, False),
    ],
)
def test_subscriptions(
    lake: duckdb.DuckDBPyConnection, consent: str, topic: str, expected: bool
) -> None:
    known = {"consent": consent, "topics": {"a/b": topic} if topic else {}}
    asked = {"kind": "subscription", "topic": "a/b"}
    assert answers(lake, asked, **known) == {expected}
    assert answers(lake, {**asked, "is": "off"}, **known) == {not expected}


@pytest.mark.parametrize(
    ("entered", "left", "expected"),
    [
        ("2026-03-02T12:00+00:00", None, True),
        ("2026-03-03T14:59:59+00:00", None, True),
        ("2026-03-03T15:00+00:00", None, False),
        ("2026-03-01T00:00+00:00", "2026-03-02T15:00+00:00", False),
        ("2026-03-01T00:00+00:00", "2026-03-02T15:00:01+00:00", True),
    ],
)
def test_membership_on_a_day(
    lake: duckdb.DuckDBPyConnection, entered: str, left: str | None, expected: bool
) -> None:
    stays = {SEGMENT: [(at(entered), at(left) if left else None)]}
    asked = {"kind": "segment", "id": str(SEGMENT), "on": "2026-03-03"}
    assert answers(lake, asked, stays=stays) == {expected}


@pytest.mark.parametrize(("score", "expected"), [(3.0, True), (2.9999, False), (2.9999999, True)])
def test_interests_fade(lake: duckdb.DuckDBPyConnection, score: float, expected: bool) -> None:
    asked = {"kind": "interest", "in": ["Home  Décor"]}
    assert answers(lake, asked, interests={"home décor": score}) == {expected}

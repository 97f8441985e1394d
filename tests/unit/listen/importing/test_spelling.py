"""How people write days, amounts, yes and no; what is unclear is refused, never guessed."""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dangol.listen.importing import spelling
from dangol.model.address import normalise_email

UTC = dt.UTC
NINE = dt.timezone(dt.timedelta(hours=9))


@pytest.fixture(scope="module")
def duck() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        yield connection


def read(duck: duckdb.DuckDBPyConnection, expression: str, text: str | None):
    return duck.execute(f"select {expression} from (select ?::varchar as c)", [text]).fetchone()[0]


@pytest.mark.parametrize(
    ("text", "local"),
    [
        ("2024-03-05", (2024, 3, 5)),
        (" 2024-03-05 ", (2024, 3, 5)),
        ("20240305", (2024, 3, 5)),
        ("20240305143015", (2024, 3, 5, 14, 30, 15)),
        ("2024/3/5", (2024, 3, 5)),
        ("2024.03.05", (2024, 3, 5)),
        ("2024. 3. 5.", (2024, 3, 5)),
        ("2024년 3월 5일", (2024, 3, 5)),
        ("2024-03-05 14:30", (2024, 3, 5, 14, 30)),
        ("2024-03-05T14:30:15", (2024, 3, 5, 14, 30, 15)),
        ("2024-03-05 14:30:15.250", (2024, 3, 5, 14, 30, 15, 250_000)),
        ("2024. 3. 5. 오후 2:30:15", (2024, 3, 5, 14, 30, 15)),
        ("2024-03-05 오전 12:05", (2024, 3, 5, 0, 5)),
        ("2024-03-05 오후 12:05", (2024, 3, 5, 12, 5)),
        ("3/25/2024", (2024, 3, 25)),
        ("3/25/2024 10:00", (2024, 3, 25, 10)),
        ("2024-02-30", None),
        ("2024-13-01", None),
        ("yesterday", None),
        ("5", None),
        ("", None),
    ],
)
def test_days_and_local_times(duck, text, local) -> None:
    found = read(duck, spelling.moment("c", "mdy"), text)
    assert found["local"] == (dt.datetime(*local) if local else None)
    assert found["exact"] is None


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2024-03-05T14:30:15Z", dt.datetime(2024, 3, 5, 14, 30, 15, tzinfo=UTC)),
        ("2024-03-05T14:30:15.5+09:00", dt.datetime(2024, 3, 5, 14, 30, 15, 500_000, NINE)),
        ("2024-03-05 14:30+0900", dt.datetime(2024, 3, 5, 14, 30, tzinfo=NINE)),
        ("1709600000", dt.datetime.fromtimestamp(1_709_600_000, UTC)),
        ("1709600000250", dt.datetime.fromtimestamp(1_709_600_000.25, UTC)),
    ],
)
def test_instants(duck, text, instant) -> None:
    found = read(duck, spelling.moment("c", "none"), text)
    assert (found["local"], found["exact"]) == (None, instant)


@pytest.mark.parametrize(
    ("days", "order"),
    [
        (["3/25/2024", "1/2/2024"], "mdy"),
        (["25/3/2024", "1/2/2024"], "dmy"),
        (["1/2/2024", "3/4/2024"], "unclear"),
        (["25/3/2024", "3/25/2024"], "unclear"),
        (["2024-03-05"], "none"),
    ],
)
def test_the_order_of_day_and_month_is_seen_in_the_whole_column(duck, days, order) -> None:
    query = f"select {spelling.day_order('c')} from unnest(?::varchar[]) as t (c)"
    assert duck.execute(query, [days]).fetchone()[0] == order
    if order == "unclear":
        assert read(duck, spelling.moment("c", order), days[0])["local"] is None


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12000", "12000"),
        ("12,000", "12000"),
        ("1,234,567.80", "1234567.80"),
        ("₩12,000", "12000"),
        ("12,000원", "12000"),
        ("$11.77", "11.77"),
        ("-3.50", "-3.50"),
        ("007.5", "7.5"),
        ("0", "0"),
        ("1.234,56", None),
        ("12,00", None),
        ("1e5", None),
        ("abc", None),
        ("--1", None),
        ("NaN", None),
    ],
)
def test_amounts(duck, text, number) -> None:
    assert read(duck, spelling.amount("c"), text) == number


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(value=st.decimals(-(10**14), 10**14, places=2), grouped=st.booleans())
def test_every_amount_comes_back_as_the_same_number(duck, value, grouped) -> None:
    text = f"{value:,.2f}" if grouped else f"{value:.2f}"
    assert Decimal(read(duck, spelling.amount("c"), text)) == value


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    text=st.from_regex(
        r"[a-zA-Z0-9._+-]{1,8}@[a-zA-Z0-9-]{1,8}(\.[a-zA-Z0-9-]{1,4}){0,2}", fullmatch=True
    )
)
def test_addresses_that_we_normalise_are_read_the_same(duck, text) -> None:
    expected = normalise_email(text)
    if expected is not None:
        assert read(duck, spelling.email("c"), text) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [("Y", True), ("동의", True), ("수신거부", False), ("0", False), ("maybe", None), ("", None)],
)
def test_yes_and_no(duck, text, said) -> None:
    assert read(duck, spelling.yes_or_no("c"), text) is said

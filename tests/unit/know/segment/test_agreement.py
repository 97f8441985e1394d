"""DuckDB and the plain-Python oracle give the same answer, whatever is asked about whomever."""

import json
from collections.abc import Iterator

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dangol.know.segment import Happening, Person, compile, evaluate, parse
from dangol.know.segment.value import as_number, as_time, fold, fold_sql, time_sql
from dangol.model.consent import ConsentState
from dangol.model.message import Channel
from dangol.model.stage import Stage
from tests.unit.know.segment.conditions import NOW, TEXTS, ZONE, conditions, people

TABLES = """
create or replace table customers (bucket int, customer_id bigint, traits varchar);
create or replace table events (customer_id bigint, name varchar, time timestamptz, props varchar);
create or replace table stages (bucket int, customer_id bigint, stage varchar);
create or replace table consents (bucket int, customer_id bigint, channel varchar, consent varchar);
"""


@pytest.fixture(scope="module")
def lake() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect(":memory:", config={"threads": 1})
    connection.execute("set timezone = 'UTC'")
    yield connection
    connection.close()


def fill(lake: duckdb.DuckDBPyConnection, crowd: list[dict]) -> None:
    lake.execute(TABLES)
    for number, one in enumerate(crowd):
        key = [number % 1024, number]
        lake.execute("insert into customers values ($1, $2, $3)", [*key, _json(one["traits"])])
        if one["stage"]:
            lake.execute("insert into stages values ($1, $2, $3)", [*key, one["stage"]])
        if one["consent"]:
            row = [*key, "email", one["consent"]]
            lake.execute("insert into consents values ($1, $2, $3, $4)", row)
        for name, time, props in one["events"]:
            row = [number, name, time, _json(props)]
            lake.execute("insert into events values ($1, $2, $3, $4)", row)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _person(one: dict) -> tuple[Person, list[Happening]]:
    consents = {Channel.EMAIL: ConsentState(one["consent"])} if one["consent"] else {}
    stage = Stage(one["stage"] or "unknown")
    events = [Happening(name=name, time=time, props=props) for name, time, props in one["events"]]
    return Person(traits=one["traits"], stage=stage, consents=consents), events


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    crowd=st.lists(people, min_size=1, max_size=5),
    questions=st.lists(conditions, min_size=1, max_size=6),
)
def test_sql_and_oracle_agree(
    lake: duckdb.DuckDBPyConnection, crowd: list[dict], questions: list[dict]
) -> None:
    fill(lake, crowd)
    for question in questions:
        condition = parse(question)
        sql, parameters = compile(condition, NOW, ZONE)
        found = {row[1] for row in lake.execute(sql, parameters).fetchall()}
        wanted = {
            number
            for number, one in enumerate(crowd)
            if evaluate(condition, *_person(one), NOW, ZONE)
        }
        assert found == wanted, (question, sql, parameters)


def test_both_fold_every_code_point_alike(lake: duckdb.DuckDBPyConnection) -> None:
    rows = lake.execute(
        f"select i, {fold_sql('chr(i::int)')} from range(1, 1114112) t(i) "
        "where not i between 55296 and 57343"
    ).fetchall()
    assert [chr(i) for i, folded in rows if folded != fold(chr(i))] == []


def test_both_read_times_alike(lake: duckdb.DuckDBPyConnection) -> None:
    sql = time_sql("x", "'/t'", "=", "$2::bigint", "$3::bigint")
    for text in TEXTS:
        for shown in (text, text + "Z", text + "+14:00", text + "T24:00", text + ".5"):
            micros, is_wall = as_time(shown) or (0, False)
            utc, wall = (None, micros) if is_wall else (micros, None)
            got = lake.execute(
                f"select {sql} from (select $1::varchar as x)", [_json({"t": shown}), utc, wall]
            ).fetchone()
            assert bool(got and got[0]) == (as_time(shown) is not None), shown


def test_numbers_are_doubles_and_never_booleans() -> None:
    assert as_number(10**400) is None
    assert as_number(True) is None
    assert as_number("12") is None

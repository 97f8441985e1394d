"""Random people as the tables that compiled conditions read."""

import json
from datetime import datetime

import duckdb

from dangol.know.interest.score import fading
from dangol.know.segment import Condition, parse
from dangol.know.segment.check import inline
from dangol.know.segment.condition import EVERYONE
from dangol.know.segment.oracle import Happening, Person, Stay
from dangol.model.consent import ConsentState
from dangol.model.message import Channel
from dangol.model.stage import Stage
from dangol.model.tag import fold_tag
from tests.unit.know.segment.world import MOMENTS, SEGMENTS

TABLES = """
create or replace table customers (bucket int, customer_id bigint, traits varchar, zone varchar);
create or replace table events (bucket int, customer_id bigint, name varchar, time timestamptz, props varchar);
create or replace table stages (
    bucket int, customer_id bigint, stage varchar, since timestamptz, previous varchar);
create or replace table consents (
    bucket int, customer_id bigint, channel varchar, consent varchar, topics varchar);
create or replace table memberships (
    segment_id varchar, bucket int, customer_id bigint, entered_at timestamptz, left_at timestamptz);
create or replace table interests (bucket int, customer_id bigint, tag varchar, weight double);
"""


_COLUMNS = {
    "customers": 4, "events": 5, "stages": 5, "consents": 5, "memberships": 5, "interests": 4,
}  # fmt: skip


def open_lake() -> duckdb.DuckDBPyConnection:
    """An empty database as the lake opens it."""
    connection = duckdb.connect(":memory:", config={"threads": 1})
    connection.execute("set timezone = 'UTC'")
    return connection


def resolved(question: dict) -> Condition:
    """The condition with the moments of `world` spelled out."""
    return inline(parse(question), dict.fromkeys(SEGMENTS, EVERYONE), moments=MOMENTS)


def fill(lake: duckdb.DuckDBPyConnection, crowd: list[dict], now: datetime) -> None:
    """Replace everything that is there; the n-th person has customer_id n."""
    lake.execute(TABLES)
    rows: dict[str, list[list]] = {name: [] for name in _COLUMNS}
    for number, one in enumerate(crowd):
        key = [number % 1024, number]
        rows["customers"].append([*key, _json(one["traits"]), one.get("zone")])
        if one.get("stage"):
            rows["stages"].append([*key, *one["stage"]])
        if one.get("consent"):
            topics = {topic: {"state": state} for topic, state in one.get("topics", {}).items()}
            rows["consents"].append([*key, "email", one["consent"], _json(topics)])
        for name, time, props in one.get("events", []):
            rows["events"].append([*key, name, time, _json(props)])
        for segment, stays in one.get("stays", {}).items():
            rows["memberships"] += [[str(segment), *key, *stay] for stay in stays]
        for tag, score in one.get("interests", {}).items():
            rows["interests"].append([*key, fold_tag(tag), score / fading(now)])
    for table, listed in rows.items():
        if listed:
            marks = ", ".join(f"({', '.join('?' * _COLUMNS[table])})" for _ in listed)
            lake.execute(
                f"insert into {table} values {marks}", [cell for row in listed for cell in row]
            )


def as_person(number: int, one: dict, now: datetime) -> tuple[Person, list[Happening]]:
    """The same person for the oracle."""
    consent, stage = one.get("consent"), one.get("stage") or ("unknown", None, None)
    topics = one.get("topics", {}) if consent else {}
    person = Person(
        customer_id=number,
        traits=one["traits"],
        zone=one.get("zone"),
        stage=Stage(stage[0]),
        stage_since=stage[1],
        stage_before=Stage(stage[2] or "unknown"),
        consents={Channel.EMAIL: ConsentState(consent)} if consent else {},
        topics={(Channel.EMAIL, topic): ConsentState(state) for topic, state in topics.items()},
        stays={
            segment: [Stay(*stay) for stay in stays]
            for segment, stays in one.get("stays", {}).items()
        },
        interests={
            fold_tag(tag): score / fading(now) for tag, score in one.get("interests", {}).items()
        },
    )
    events = [
        Happening(name=name, time=time, props=props) for name, time, props in one.get("events", [])
    ]
    return person, events


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)

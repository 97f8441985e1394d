"""The question `why`: is one person in a segment, leaf by leaf, with the values that were seen."""

from collections import defaultdict
from typing import Any
from uuid import UUID

import msgspec
import psycopg

from dangol.engine.query.found import Part, Why
from dangol.engine.query.registry import answers
from dangol.engine.query.warm import AsOf, Warm
from dangol.errors import NotFound
from dangol.know.segment import words
from dangol.know.segment.explain import Explained, explain
from dangol.know.segment.membership.past.reading import list_of_customer
from dangol.know.segment.membership.past.row import has_files, join_stays
from dangol.know.segment.membership.service import SQL, list_stays
from dangol.know.segment.oracle import Happening, Person, Stay
from dangol.know.segment.service import get_segment, resolve
from dangol.know.segment.store import list_names
from dangol.model.consent import ConsentState
from dangol.model.customer import BUCKETS
from dangol.model.message import Channel
from dangol.model.stage import Stage
from dangol.settings import Settings
from dangol.store.pool import connect


class WhyAsked(msgspec.Struct, frozen=True):
    """Which segment, and who."""

    segment_id: UUID
    customer_id: int


@answers("why", WhyAsked)
def why(warm: Warm, asked: WhyAsked) -> Why:
    """Every part of the segment's condition, answered for this person."""
    at = warm.as_of()
    with connect(warm.dsn, name="query") as conn:
        segment = get_segment(conn, asked.segment_id)
        names = list_names(conn, segment.definition)
        condition = resolve(conn, segment.definition, at.now)
        person = _person(at, asked.customer_id)
        person = _with_more(warm.settings, conn, person)
    explained = explain(condition, person, _events(at, asked.customer_id), at.now, at.zone)
    return Why(answer=explained.answer, why=_part(explained, names), as_of=at.now)


def _part(explained: Explained, names: dict[UUID, str]) -> Part:
    said = {locale: words(explained.condition, locale, names) for locale in ("en", "ko")}
    return Part(
        kind=str(type(explained.condition).__struct_config__.tag),
        answer=explained.answer,
        words=said,
        seen=explained.seen,
        parts=[_part(part, names) for part in explained.parts],
    )


def _person(at: AsOf, customer_id: int) -> Person:
    who = [customer_id % BUCKETS, customer_id]
    one = "where bucket = $1 and customer_id = $2"
    rows = at.snapshot.query(f"select traits, zone from customers {one}", who).to_pylist()
    if not rows:
        raise NotFound("There is no customer {customer_id}.", customer_id=customer_id)
    stages = at.snapshot.query(f"select stage, since, previous from stages {one}", who).to_pylist()
    stage = stages[0] if stages else {"stage": None, "since": None, "previous": None}
    said = at.snapshot.query(f"select channel, consent, topics from consents {one}", who)
    consents = said.to_pylist()
    return Person(
        customer_id=customer_id,
        traits=msgspec.json.decode(rows[0]["traits"]),
        zone=rows[0]["zone"],
        stage=Stage(stage["stage"] or "unknown"),
        stage_since=stage["since"],
        stage_before=Stage(stage["previous"] or "unknown"),
        consents={Channel(row["channel"]): ConsentState(row["consent"]) for row in consents},
        topics={
            (Channel(row["channel"]), topic): ConsentState(answer["state"])
            for row in consents
            for topic, answer in msgspec.json.decode(row["topics"] or "{}").items()
        },
    )


def _with_more(settings: Settings, conn: psycopg.Connection, person: Person) -> Person:
    """The stays in segments and the interests, which no snapshot needs otherwise."""
    key = {"bucket": person.customer_id % BUCKETS, "customer_id": person.customer_id}
    stays: defaultdict[UUID, list[Stay]] = defaultdict(list)
    changes = list_stays(conn, person.customer_id)
    if has_files(conn, person.customer_id):
        past = list_of_customer(settings, conn, person.customer_id)
        changes = join_stays(conn, changes, past)
    for stay in reversed(changes):
        known = stays[stay.segment_id]
        if stay.entered:
            known.append(Stay(stay.at))
        elif known:
            known[-1] = Stay(known[-1].entered_at, stay.at)
    weights = dict(conn.execute(SQL.list_interests, key).fetchall())
    return msgspec.structs.replace(person, stays=dict(stays), interests=weights)


def _events(at: AsOf, customer_id: int) -> list[Happening]:
    found: list[dict[str, Any]] = at.snapshot.query(
        "select name, time, props from events where bucket = $1 and customer_id = $2",
        [customer_id % BUCKETS, customer_id],
    ).to_pylist()
    return [
        Happening(name=row["name"], time=row["time"], props=msgspec.json.decode(row["props"]))
        for row in found
    ]

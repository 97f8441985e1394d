"""The profile fold of one batch: `heard` in, customers and contact points up to date."""

import itertools
from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

import msgspec
import psycopg
import pyarrow as pa

from dangol.know.profile.derive import derive
from dangol.know.profile.fold import Folded, Statement, fold, stamp_of
from dangol.model.event import RESERVED_NAMES, EventName
from dangol.model.message import Channel
from dangol.store.bulk import copy_arrow
from dangol.store.keyring import Keyring
from dangol.store.sql import load_queries

SQL = load_queries(__package__)

_SCHEMA = pa.schema(
    [("bucket", pa.int32()), ("customer_id", pa.int64())]
    + [
        (name, pa.string())
        for name in (
            *("traits", "trait_stamps", "search", "locale", "country", "zone", "zone_source"),
            *("address", "address_hash", "stamp"),
        )
    ]
)

_ANSWERS = [EventName.MESSAGE_CLICKED, EventName.MESSAGE_REPLIED, EventName.SURVEY_ANSWERED]
"""What people do with what we sent; these facts name the send as their origin."""

_OURS = sorted(
    RESERVED_NAMES
    - {
        *(EventName.PROFILE_UPDATED, EventName.PAGE_VIEWED, EventName.SCREEN_VIEWED),
        *(EventName.GROUP_JOINED, EventName.IDENTITY_LINKED, EventName.PREFERENCE_CHANGED),
        *_ANSWERS,
    }
)
"""Facts that are no sign of life: what we did, what we found out, what a machine may have done."""

Who = tuple[int, int]
"""A customer's key: bucket and id."""


def meet_customers(conn: psycopg.Connection, now: datetime) -> list[Who]:
    """Everyone in `heard` has a row and is locked until the transaction ends; who had none before."""
    values = {"now": now, "ours": _OURS, "answers": _ANSWERS}
    return conn.execute(SQL.meet_customers, values).fetchall()


def apply_statements(conn: psycopg.Connection, keyring: Keyring) -> int:
    """Fold the batch's `Profile Updated` events into profiles; how many customers changed.

    `conn` is in the transaction that staged `heard` and locked its customers.
    """
    statements = {
        who: [Statement(stamp_of(micros, event_id), traits) for event_id, micros, traits in group]
        for who, group in _read_statements(conn)
    }
    if not statements:
        return 0
    known = {
        (bucket, customer_id): Folded(msgspec.json.decode(traits), msgspec.json.decode(stamps))
        for bucket, customer_id, traits, stamps in conn.execute(SQL.read_traits)
    }
    rows = [(*who, *_columns(fold(known[who], said), keyring)) for who, said in statements.items()]
    conn.execute(SQL.create_folded)
    copy_arrow(conn, "folded", _table(rows))
    for statement in (
        *(SQL.save_folded, SQL.save_contact_points),
        *(SQL.drop_contact_points, SQL.open_contact_states),
    ):
        conn.execute(statement)
    return len(rows)


def _read_statements(
    conn: psycopg.Connection,
) -> Iterator[tuple[Who, Iterator[tuple[UUID, int, dict]]]]:
    rows = conn.execute(SQL.read_statements)
    for who, group in itertools.groupby(rows, key=lambda row: (row[0], row[1])):
        yield who, ((row[2], row[3], _stated(row[4])) for row in group)


def _stated(props: str) -> dict:
    stated = msgspec.json.decode(props, type=dict)
    stated.pop("$active", None)  # about the call, not about the customer
    return stated


def _columns(folded: Folded, keyring: Keyring) -> tuple[str | None, ...]:
    derived = derive(folded.traits)
    address_hash = None
    if derived.email is not None:
        address_hash = f"\\x{keyring.address_hash(Channel.EMAIL, derived.email).hex()}"
    return (
        msgspec.json.encode(folded.traits).decode(),
        msgspec.json.encode(folded.stamps).decode(),
        *(derived.search, derived.locale, derived.country, derived.zone, derived.zone_source),
        *(derived.email, address_hash, folded.stamps.get("email", "")),
    )


def _table(rows: list[tuple]) -> pa.Table:
    columns = zip(*rows, strict=True)
    return pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, _SCHEMA, strict=True)],
        schema=_SCHEMA,
    )

"""Customers as the desk sees them: one by key, many by what a person types."""

import unicodedata
from datetime import datetime
from typing import Any
from uuid import uuid4

import msgspec
import psycopg

from dangol.errors import InputError, NotFound
from dangol.model.customer import CustomerId, bucket_of
from dangol.model.event import Cause, EventName
from dangol.store.sql import load_queries

SQL = load_queries(__package__)


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of one customer by itself, without events."""

    customer_id: CustomerId
    traits: dict[str, Any]
    address: str | None
    identities: list[tuple[str, str]]
    """(kind, value), kind one of user, anon, email."""
    first_seen_at: datetime
    last_seen_at: datetime
    locale: str | None
    zone: str | None
    zone_source: str | None
    country: str | None
    erased_at: datetime | None


class CustomerCard(msgspec.Struct, frozen=True, kw_only=True):
    """A customer in a list."""

    customer_id: CustomerId
    name: str
    """Empty when nobody told us."""
    address: str | None
    last_seen_at: datetime


def get_profile(conn: psycopg.Connection, customer_id: int) -> Profile:
    """The profile of a customer; of the winner, where the customer was merged.

    Raises:
        NotFound: there never was such a customer.
    """
    for _ in range(100):
        key = {"bucket": bucket_of(customer_id), "customer_id": customer_id}
        row = conn.execute(SQL.find_customer, key).fetchone()
        if row is None:
            raise NotFound("There is no customer {customer_id}.", customer_id=customer_id)
        if row[10] is None:
            break
        customer_id = row[10]
    return Profile(
        customer_id=CustomerId(customer_id),
        traits=row[2],
        address=row[12],
        identities=conn.execute(SQL.list_identities, key).fetchall(),
        first_seen_at=row[3],
        last_seen_at=row[4],
        locale=row[6],
        zone=row[7],
        zone_source=row[8],
        country=row[9],
        erased_at=row[11],
    )


def search_customers(
    conn: psycopg.Connection, text: str, *, limit: int = 50, offset: int = 0
) -> tuple[list[CustomerCard], int]:
    """Who matches `text`, last seen first, and how many there are in all.

    Matches a part of the name or address, Hangul initials (`ㅎㄱㄷ`), digits of the phone
    (with or without dashes), what somebody noted, or exactly a sender's id or our own number.
    Empty text: everyone.
    """
    pattern, ids = search_terms(conn, text)
    args = {"pattern": pattern, "ids": ids}
    rows = conn.execute(SQL.search, args | {"limit": limit, "offset": offset}).fetchall()
    total = conn.execute(SQL.count_found, args).fetchone()[0]
    return [_card(row) for row in rows], total


def search_terms(conn: psycopg.Connection, text: str) -> tuple[str, list[int]]:
    """What `text` asks for: a LIKE pattern on `customer.search`, and customers named exactly."""
    wanted = unicodedata.normalize("NFC", " ".join(text.split())).lower()
    pattern = _pattern(wanted)
    return pattern, _exact(conn, text.strip()) + _noted(conn, wanted)


def display_name(traits: dict[str, Any]) -> str:
    """The name to show: stated as a whole, else put together; never split, may be empty.

    >>> display_name({"name": "홍길동"}), display_name({"firstName": "Ann", "lastName": "Lee"})
    ('홍길동', 'Ann Lee')
    """
    if isinstance(name := traits.get("name"), str) and name.strip():
        return name.strip()
    parts = [
        traits.get("firstName") or traits.get("first_name"),
        traits.get("lastName") or traits.get("last_name"),
    ]
    return " ".join(part.strip() for part in parts if isinstance(part, str) and part.strip())


def set_trait(
    conn: psycopg.Connection, customer_id: int, trait: str, value: Any, *, by: str, now: datetime
) -> None:
    """A member's statement about one trait, heard like every other; null unsets it.

    The change shows once Route and Live have passed it on, within a second.

    Raises:
        InputError: the name is empty or too long.
    """
    if not trait.strip() or len(trait) > 200 or "\0" in trait:
        raise InputError("A trait needs a name of 1 to 200 characters.")
    fact = {
        "message_id": uuid4().hex,
        "name": EventName.PROFILE_UPDATED,
        "time": now.isoformat(),
        "bucket": bucket_of(customer_id),
        "customer_id": customer_id,
        "props": {trait: value},
        "origin": None,
        "depth": 0,
        "cause": Cause.BEHAVIOUR,
        "actor": by,
    }
    conn.execute(SQL.hear_statement, {"now": now, "body": msgspec.json.encode([fact])})
    conn.execute("select pg_notify('intake', '')")


def _pattern(wanted: str) -> str:
    digits = wanted.replace("-", "").replace(" ", "")
    return f"%{_escaped(digits if digits.isdigit() else wanted)}%"


def _escaped(text: str) -> str:
    """`text` with nothing in it that LIKE or the database would take for more than a letter."""
    for letter in "\\%_":
        text = text.replace(letter, f"\\{letter}")
    return text.replace("\0", "")


def _exact(conn: psycopg.Connection, text: str) -> list[int]:
    text = text.replace("\0", "")
    if not text:
        return []
    found = conn.execute(SQL.find_by_identity, {"values": [text, text.lower()]})
    ids = [customer_id for _, customer_id in found]
    if text.isascii() and text.isdigit() and len(text) < 19:
        ids.append(int(text))
    return ids


def _noted(conn: psycopg.Connection, wanted: str) -> list[int]:
    """Customers with a note that says `wanted`; a letter or two say too little."""
    if len(wanted) < 2:
        return []
    rows = conn.execute(SQL.find_by_note, {"pattern": f"%{_escaped(wanted)}%"})
    return [customer_id for _, customer_id in rows]


def _card(row: tuple) -> CustomerCard:
    return CustomerCard(
        customer_id=row[1], name=display_name(row[2]), address=row[4], last_seen_at=row[3]
    )

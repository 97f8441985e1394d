"""Counted links as rows: written once at launch, looked up at every click."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import msgspec
import psycopg

from dangol.model.customer import bucket_of
from dangol.speak.letter.content import Letter
from dangol.speak.links.collect import collect_links
from dangol.store.sql import load_queries

_SQL = load_queries("dangol.speak.links")


class SendLetter(msgspec.Struct, frozen=True):
    """What a send carries."""

    letter_id: UUID | None
    letter_version: int | None
    kind: str
    topic: str


def save_links(conn: psycopg.Connection, send_id: int, letter: Letter) -> tuple[str, ...]:
    """Keep the counted links of a letter under a send and return them; safe to run twice."""
    links = collect_links(letter)
    rows = [{"send_id": send_id, "link": number, "url": url} for number, url in enumerate(links, 1)]
    with conn.cursor() as cursor:
        cursor.executemany(_SQL.insert_link, rows)
    return links


def load_links(conn: psycopg.Connection, send_id: int) -> tuple[str, ...]:
    """The counted links of a send; the first is number 1."""
    return tuple(row[0] for row in conn.execute(_SQL.list_links, {"send_id": send_id}))


def find_link(conn: psycopg.Connection, send_id: int, link: int) -> str | None:
    """Where link number `link` of a send leads."""
    row = conn.execute(_SQL.find_link, {"send_id": send_id, "link": link}).fetchone()
    return row[0] if row else None


def find_send_letter(conn: psycopg.Connection, send_id: int) -> SendLetter | None:
    """Which letter a send carries; None when there is no such send."""
    row = conn.execute(_SQL.find_send_letter, {"send_id": send_id}).fetchone()
    return SendLetter(*row) if row else None


def find_handed(
    conn: psycopg.Connection, messages: Iterable[tuple[int, int]]
) -> dict[tuple[int, int], datetime]:
    """When each (send, customer) was handed over, as far as it was."""
    wanted = sorted(set(messages))
    if not wanted:
        return {}
    given = {
        "buckets": [bucket_of(customer) for _, customer in wanted],
        "sends": [send for send, _ in wanted],
        "customers": [customer for _, customer in wanted],
    }
    return {(row[0], row[1]): row[2] for row in conn.execute(_SQL.find_handed, given)}

"""Counted links as rows: written once at launch, looked up at every click."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
import psycopg

from dangol.model.customer import bucket_of
from dangol.speak.letter.content import Letter
from dangol.speak.links.collect import collect_links
from dangol.speak.links.hits import BURST, Hit
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


def find_sends(conn: psycopg.Connection, sends: Iterable[int]) -> dict[int, str]:
    """The kind of each send that exists."""
    return dict(conn.execute(_SQL.find_sends, {"sends": sorted(sends)}).fetchall())


def find_urls(
    conn: psycopg.Connection, links: Iterable[tuple[int, int]]
) -> dict[tuple[int, int], str]:
    """Where each (send, link) leads, as far as it is known."""
    wanted = sorted(set(links))
    given = {"sends": [send for send, _ in wanted], "links": [link for _, link in wanted]}
    return {(row[0], row[1]): row[2] for row in conn.execute(_SQL.find_urls, given)}


def find_clicks_before(conn: psycopg.Connection, hits: Sequence[Hit]) -> list[Hit]:
    """Clicks of the same people within `BURST` before the first of `hits`."""
    people = sorted({hit.customer_id for hit in hits if hit.link})
    if not people:
        return []
    given = {
        "buckets": [bucket_of(customer) for customer in people],
        "customers": people,
        "since": min(hit.at for hit in hits if hit.link) - BURST,
    }
    rows = conn.execute(_SQL.find_clicks_before, given)
    return [Hit(row[0], row[1], row[2], _microseconds(row[3])) for row in rows]


def _microseconds(at: datetime) -> int:
    return int(at.timestamp()) * 1_000_000 + at.microsecond

"""Moments: posted, listed, ended. The caller owns the transaction."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec
import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from dangol.errors import InputError, NotFound
from dangol.model.area import Area, problem_of
from dangol.store.sql import load_queries

SQL = load_queries(__package__)

_MOST_LISTED = 500


class Posted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A moment as somebody states it."""

    kind: str
    """What it is, in a word that conditions can name: `rain`, `match`, `closure` …"""
    words: str
    """What it is for people."""
    area: Area
    since: datetime
    until: datetime | None = None
    """None: until somebody ends it."""


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """A moment that was posted."""

    id: UUID
    kind: str
    words: str
    area: Area
    since: datetime
    until: datetime | None
    created_at: datetime
    created_by: str
    ended_at: datetime | None

    def is_open(self, now: datetime) -> bool:
        """Whether it goes on at `now`."""
        ends = [end for end in (self.until, self.ended_at) if end is not None]
        return self.since <= now and all(now < end for end in ends)


def post_moment(
    conn: psycopg.Connection,
    posted: Posted,
    *,
    by: str,
    now: datetime,
    moment_id: UUID | None = None,
) -> Moment:
    """Keep a moment; one whose `moment_id` is known already stays as it was.

    Raises:
        InputError: it has no kind or words, ends before it begins, or its place makes no sense.
    """
    kind, words = " ".join(posted.kind.split()), " ".join(posted.words.split())
    _check(kind, words, posted)
    values = {
        "id": moment_id or uuid4(),
        "kind": kind,
        "words": words,
        "area": Jsonb(msgspec.to_builtins(posted.area)),
        "since": posted.since,
        "until": posted.until,
    }
    conn.execute(SQL.add_moment, values | {"now": now, "by": by})
    return get_moment(conn, values["id"])


def get_moment(conn: psycopg.Connection, moment_id: UUID) -> Moment:
    """One moment.

    Raises:
        NotFound: there is none with this id.
    """
    row = _rows(conn, SQL.find_moment, {"id": moment_id})
    if not row:
        raise NotFound("There is no such moment.")
    return row[0]


def list_moments(conn: psycopg.Connection) -> list[Moment]:
    """The latest first; those that go on before those that ended."""
    return _rows(conn, SQL.list_moments, {"limit": _MOST_LISTED})


def list_open(conn: psycopg.Connection, now: datetime) -> list[Moment]:
    """What goes on at `now`."""
    return _rows(conn, SQL.list_open, {"now": now})


def end_moment(conn: psycopg.Connection, moment_id: UUID, now: datetime) -> Moment:
    """It is over now; over already is fine.

    Raises:
        NotFound: there is none with this id.
    """
    conn.execute(SQL.end_moment, {"id": moment_id, "now": now})
    return get_moment(conn, moment_id)


def _rows(conn: psycopg.Connection, statement: str, values: dict[str, Any]) -> list[Moment]:
    rows = conn.cursor(row_factory=dict_row).execute(statement, values).fetchall()
    return [Moment(**row | {"area": msgspec.convert(row["area"], Area)}) for row in rows]


def _check(kind: str, words: str, posted: Posted) -> None:
    if not 0 < len(kind) <= 60 or "\0" in kind:
        raise InputError("A moment needs a kind of 1 to 60 characters, such as rain.")
    if not 0 < len(words) <= 500 or "\0" in words:
        raise InputError("A moment needs words of 1 to 500 characters.")
    if posted.since.tzinfo is None or (posted.until and posted.until.tzinfo is None):
        raise InputError("Times need an offset, such as 2026-03-01T18:00:00+09:00.")
    if posted.until is not None and posted.until <= posted.since:
        raise InputError("A moment ends after it begins.")
    if (problem := problem_of(posted.area)) is not None:
        raise InputError(problem)

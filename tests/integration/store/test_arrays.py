"""Whole columns as parameters: what goes in comes out."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import psycopg

from dangol.store.arrays import coded, ints, octets, texts, times, uuids

TIMES = [datetime(1970, 1, 1, tzinfo=UTC), datetime(2026, 5, 1, 3, 4, 5, 678901, tzinfo=UTC)]
TEXTS = ["", "plain", "말 '\"\\{},", None, "a" * 10_000]


def read(conn: psycopg.Connection, column: object) -> list:
    row = conn.execute("select %s", [column]).fetchone()
    assert row is not None
    return row[0]


def test_columns_are_read_as_they_were_given(conn: psycopg.Connection) -> None:
    numbers = [0, -1, 2**63 - 1, -(2**63)]
    assert read(conn, ints(numbers)) == numbers
    assert read(conn, texts(TEXTS)) == TEXTS
    assert read(conn, octets([b"", None, bytes(range(256))])) == [b"", None, bytes(range(256))]
    assert read(conn, times(TIMES)) == TIMES
    assert read(conn, times([None, *TIMES])) == [None, *TIMES]
    ids = [uuid4(), UUID(int=0), UUID(int=2**128 - 1)]
    assert read(conn, uuids([one.bytes for one in ids])) == ids


def test_empty_columns(conn: psycopg.Connection) -> None:
    for column in (ints([]), texts([]), times([]), uuids([])):
        assert read(conn, column) == []


def test_texts_that_repeat_come_once(conn: psycopg.Connection) -> None:
    values = ["a", None, "a", "b", None]
    places, different = coded(values)
    rows = conn.execute(
        "select (%(different)s::text[])[u.place] from unnest(%(places)s::bigint[]) with ordinality"
        " as u (place, n) order by n",
        {"places": places, "different": different},
    )
    assert [row[0] for row in rows] == values
    assert read(conn, different) == ["a", None, "b"]

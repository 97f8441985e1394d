"""The engine process keeps segments current by itself."""

import threading

import psycopg

from dangol.know.segment.service import create_segment
from tests.integration.engine.conftest import NOW, Tell, wait_for

LATELY = {"kind": "did", "name": "Order Completed"}


def test_a_running_engine_takes_people_in(
    conn: psycopg.Connection, tell: Tell, engine: threading.Event
) -> None:
    segment = create_segment(conn, "s", LATELY, "member:1", NOW).segment.id
    conn.commit()

    def people(of: str = "1024") -> int:
        query = f"select count(*), sum(people) from segment_member where segment_id = '{segment}'"
        row = conn.execute(query).fetchone()
        conn.commit()
        return row[1] if str(row[0]) == of else -1

    wait_for(lambda: people() == 0, 40)  # noticed, and everyone asked
    tell(5, "Order Completed", {"total": 1})
    conn.execute("select pg_notify('inbox', '')")
    conn.commit()
    wait_for(lambda: people() == 1, 40)

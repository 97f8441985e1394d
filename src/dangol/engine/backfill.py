"""The job `segment_backfill`: tell now of those whom an edit brought into a segment silently.

The owner has seen how many they are. If there are more by now, nobody is told; if fewer, those who
are still there. Run again from any point, it tells nobody twice: the events have the ids of their
entries.
"""

from datetime import UTC, datetime
from uuid import UUID

import msgspec
import psycopg
import pyarrow as pa

from dangol.engine.jobs import Task
from dangol.engine.standing.reasons import micros_of
from dangol.engine.standing.writing import segment_event
from dangol.errors import Refused
from dangol.know.segment.membership.service import SQL
from dangol.know.segment.service import get_segment
from dangol.model.event import Cause, EventName
from dangol.store.bulk import copy_arrow
from dangol.store.pool import connect

_CHUNK = 5_000
_INSTANT = pa.timestamp("us", "UTC")


def run_backfill(task: Task) -> dict[str, int]:
    """Tell of the entries that version `version` of `segment_id` made; `confirmed` is how many.

    Raises:
        Refused: there are more than were confirmed, or the segment was edited again.
    """
    segment_id, version = UUID(task.args["segment_id"]), int(task.args["version"])
    after, told = (-1, -1), 0
    with connect(task.dsn, name="backfill") as conn:
        _check(conn, segment_id, version, int(task.args["confirmed"]))
        while True:
            task.check()
            with conn.transaction():
                rows = _tell(conn, segment_id, version, after)
            if not rows:
                return {"told": told}
            after, told = rows[-1][:2], told + len(rows)
            task.progress(done=told, total=int(task.args["confirmed"]))


def _check(conn: psycopg.Connection, segment_id: UUID, version: int, confirmed: int) -> None:
    with conn.transaction():
        segment = get_segment(conn, segment_id)
        count = conn.execute(SQL.count_silent, {"id": segment_id, "version": version}).fetchone()[0]
    if segment.version != version or count > confirmed:
        raise Refused(
            "“{name}” has changed since: it would be {count} people now. Look at it again.",
            name=segment.name,
            count=count,
        )


def _tell(
    conn: psycopg.Connection, segment_id: UUID, version: int, after: tuple[int, int]
) -> list[tuple[int, int, datetime]]:
    values = {"id": segment_id, "version": version, "limit": _CHUNK}
    rows = conn.execute(
        SQL.list_silent, values | {"bucket": after[0], "customer_id": after[1]}
    ).fetchall()
    if rows:
        name = get_segment(conn, segment_id).name
        copy_arrow(conn, "inbox", _events(segment_id, name, version, rows))
        conn.execute("select pg_notify('inbox', '')")
    return rows


def _events(
    segment_id: UUID, name: str, version: int, rows: list[tuple[int, int, datetime]]
) -> pa.Table:
    now = datetime.now(UTC)
    count = len(rows)
    props = {"segment_id": str(segment_id), "segment": name, "version": version, "backfill": True}
    ids = [segment_event(str(segment_id), who, micros_of(at), entered=True) for _, who, at in rows]
    return pa.table(
        {
            "bucket": pa.array([row[0] for row in rows], pa.int32()),
            "customer_id": pa.array([row[1] for row in rows], pa.int64()),
            "event_id": pa.array(ids, pa.string()),
            "name": pa.array([str(EventName.SEGMENT_ENTERED)] * count, pa.string()),
            "time": pa.array([row[2] for row in rows], _INSTANT),
            "received_at": pa.array([now] * count, _INSTANT),
            "props": pa.array([msgspec.json.encode(props).decode()] * count, pa.string()),
            "source": pa.array(["dangol"] * count, pa.string()),
            "effect": pa.array(["live"] * count, pa.string()),
            "cause": pa.array([str(Cause.BEHAVIOUR)] * count, pa.string()),
            "origin": pa.array([f"segment:{segment_id}"] * count, pa.string()),
            "depth": pa.array([0] * count, pa.int16()),
        }
    )

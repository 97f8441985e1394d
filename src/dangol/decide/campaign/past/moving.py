"""Final messages of a campaign out of the database and into a file, in one snapshot.

One repeatable-read transaction reads the rows through a second connection, and deletes what it
could read once the file is durable; when that fails the file is an orphan that the sweep removes.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

import psycopg
import pyarrow as pa

from dangol.model.address import normalise_email
from dangol.model.message import Channel
from dangol.settings import Settings
from dangol.store.files import DISK, FileLayer
from dangol.store.keyring import Keyring
from dangol.store.lake.manifest import LakeFile, add_file, writing
from dangol.store.lake.recent import reading
from dangol.store.lake.shelf import MESSAGES, Place, write_rows
from dangol.store.pool import connect
from dangol.store.retention import Kind, find_end
from dangol.store.sql import load_queries

SQL = load_queries(__package__)

MOST_ROWS = 300_000
"""More than this goes in several files."""
_MOST_SENDS = 50

_FINAL = """
select m.bucket, m.customer_id, m.send_id, m.state, m.reason, m.seen::text as seen, m.due_at,
    m.planned_at, m.handed_at, m.finished_at, m.attempts
from generate_series(0, 1023) b (bucket)
cross join unnest(array[{sends}]::bigint[]) s (id)
cross join lateral (select * from message k where k.bucket = b.bucket and k.send_id = s.id
    and k.state in ('accepted', 'failed', 'silent', 'held_out')) m
order by m.bucket, m.customer_id, m.send_id limit {limit}
"""


def has_due(conn: psycopg.Connection, now: datetime) -> bool:
    """Whether a campaign ended so long ago that its messages move."""
    before = find_end(conn, Kind.MESSAGE, now)
    return before is not None and conn.execute(SQL.has_due, {"before": before}).fetchone()[0]


def move_messages(
    settings: Settings,
    keyring: Keyring,
    now: datetime,
    *,
    layer: FileLayer = DISK,
    limit: int = MOST_ROWS,
) -> int | None:
    """Move up to `limit` messages of campaigns that ended long ago; how many. One transaction.

    None when there is nothing to move, or another writer is at work. Call again until then.

    Raises:
        StorageError: the file could not be written; nothing has changed.
    """
    dsn = settings.database_url or ""
    with connect(dsn, name="message mover") as conn, writing(conn, wait=False) as is_ours:
        if not is_ours:
            return None
        conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with conn.transaction():
            before = find_end(conn, Kind.MESSAGE, now)
            args = {"before": before, "limit": _MOST_SENDS}
            sends = [row[0] for row in conn.execute(SQL.hold_due, args)] if before else []
            if not sends:
                return None
            place = Place(settings, layer, now)
            made, last = _copy_out(conn, dsn, place, sends, limit)
            if made is not None:
                add_file(conn, made)
                _take_out(conn, keyring, sends, made, last)
            if made is None or made.rows < limit:
                conn.execute(SQL.mark_moved, {"sends": sends, "now": now})
            return made.rows if made else 0


def _copy_out(
    conn: psycopg.Connection, dsn: str, place: Place, sends: Sequence[int], limit: int
) -> tuple[LakeFile | None, dict[str, int]]:
    """A durable file of the first rows, and the key of the last of them."""
    shared = conn.execute(SQL.export_snapshot).fetchone()[0]  # type: ignore[index]
    last: dict[str, int] = {}
    statement = _FINAL.format(sends=", ".join(map(str, sends)), limit=int(limit))

    def rows() -> Iterator[pa.RecordBatch]:
        with reading(dsn, shared) as source, source.cursor() as cursor:
            cursor.execute(statement)
            for batch in cursor.fetch_record_batch():
                shaped = pa.RecordBatch.from_arrays(batch.columns, schema=MESSAGES.schema)
                if shaped.num_rows:
                    end = shaped.slice(shaped.num_rows - 1).to_pylist()[0]
                    last.update({name: end[name] for name in MESSAGES.order})
                yield shaped

    return write_rows(place, MESSAGES, rows()), last


def _take_out(
    conn: psycopg.Connection,
    keyring: Keyring,
    sends: Sequence[int],
    made: LakeFile,
    last: dict[str, int],
) -> None:
    args = last | {"sends": list(sends)}
    strays = conn.execute(SQL.list_strays, args).fetchall()
    gone = conn.execute(SQL.delete_moved, args).fetchone()[0]
    if gone != made.rows:
        raise RuntimeError(f"the snapshot held {made.rows} messages, but {gone} were deleted")
    if strays:
        buckets, customers, ids, addresses = zip(*strays, strict=True)
        hashes = [
            keyring.address_hash(Channel.EMAIL, normalise_email(one) or one) for one in addresses
        ]
        columns = {"buckets": buckets, "customers": customers, "sends": ids, "hashes": hashes}
        conn.execute(SQL.keep_hashes, {name: list(values) for name, values in columns.items()})

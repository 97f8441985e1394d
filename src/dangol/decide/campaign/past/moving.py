"""Final messages of a campaign out of the database and into a file, in one snapshot."""

from collections.abc import Sequence
from datetime import datetime

import psycopg

from dangol.model.address import normalise_email
from dangol.model.message import Channel
from dangol.settings import Settings
from dangol.store.files import DISK, FileLayer
from dangol.store.keyring import Keyring
from dangol.store.lake.leaving import Copied, copy_to_shelf, leaving, settle
from dangol.store.lake.shelf import MESSAGES, Place
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
    with leaving(settings.database_url or "", "message mover") as conn:
        before = find_end(conn, Kind.MESSAGE, now) if conn else None
        if conn is None or before is None:
            return None
        held = conn.execute(SQL.hold_due, {"before": before, "limit": _MOST_SENDS})
        sends = [send_id for (send_id,) in held]
        if not sends:
            return None
        select = _FINAL.format(sends=", ".join(map(str, sends)), limit=int(limit))
        copied = copy_to_shelf(conn, Place(settings, layer, now), MESSAGES, select)
        if copied is not None:
            settle(conn, copied.file, _take_out(conn, keyring, sends, copied))
        moved = copied.file.rows if copied else 0
        if moved < limit:
            conn.execute(SQL.mark_moved, {"sends": sends, "now": now})
        return moved


def _take_out(
    conn: psycopg.Connection, keyring: Keyring, sends: Sequence[int], copied: Copied
) -> int:
    """Delete what was copied, and keep what links need of it; how many rows."""
    args = copied.last | {"sends": list(sends)}
    strays = conn.execute(SQL.list_strays, args).fetchall()
    gone = conn.execute(SQL.delete_moved, args).fetchone()[0]
    if strays:
        buckets, customers, ids, addresses = zip(*strays, strict=True)
        hashes = [
            keyring.address_hash(Channel.EMAIL, normalise_email(one) or one) for one in addresses
        ]
        columns = {"buckets": buckets, "customers": customers, "sends": ids, "hashes": hashes}
        conn.execute(SQL.keep_hashes, {name: list(values) for name, values in columns.items()})
    return gone

"""After a merge the loser's history follows to the winner: same events, same ids, seen once.

In one transaction the copies appear, the loser's recent rows go, and a mask hides what files
hold of the loser. The lake's write lock keeps mover and compaction from changing where the
history is meanwhile; readers see it before or after, never both, never neither.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import psycopg
import pyarrow as pa

from dangol.model.customer import bucket_of
from dangol.settings import Settings
from dangol.store.bulk import copy_arrow
from dangol.store.lake.duck import open_duckdb
from dangol.store.lake.manifest import SQL, list_files, writing
from dangol.store.lake.reading import select_files
from dangol.store.lake.soundness import naming_damage
from dangol.store.pool import connect

REWRITE_AFTER = timedelta(days=30)
"""A merge is no erasure: files are rewritten when it is convenient, by then at the latest."""

_LATE = timedelta(days=7)


def carry_once(dsn: str, settings: Settings, now: datetime, *, limit: int = 500) -> int:
    """Let the histories of up to `limit` merged customers follow; how many did.

    One whole transaction on a connection of its own; run it again after a kill. 0: none waits.
    """
    with connect(dsn, name="merge") as conn:
        with conn.transaction():
            args = {"limit": limit, "since": now - _LATE}
            waiting = conn.execute(SQL.list_journeys, args).fetchall()
        if not waiting:
            return 0
        losers = sorted({row[0] for row in waiting})
        fresh = sorted({row[0] for row in waiting if not row[2]})
        with writing(conn), conn.transaction():
            conn.execute(SQL.create_carried)
            conn.execute(SQL.create_fetched)
            _fetch(conn, settings, fresh)
            conn.execute(SQL.lock_journeys, {"losers": losers})
            conn.execute(SQL.insert_fetched)
            conn.execute(SQL.move_recent)
            conn.execute(SQL.mask_losers, {"now": now, "due": now + REWRITE_AFTER})
            conn.execute(SQL.mark_carried, {"now": now})
    return len(losers)


def _fetch(conn: psycopg.Connection, settings: Settings, customers: Sequence[int]) -> None:
    """Copy what files hold of these customers into the table `fetched`, a batch at a time."""
    buckets = sorted({bucket_of(customer) for customer in customers})
    files = [
        file
        for file in list_files(conn)
        if any(file.bucket_lo <= bucket <= file.bucket_hi for bucket in buckets)
    ]
    if not files:
        return
    wanted = pa.table(
        {
            "bucket": pa.array([bucket_of(customer) for customer in customers], pa.int32()),
            "customer_id": pa.array(customers, pa.int64()),
        }
    )
    with open_duckdb(settings, threads=1) as duck, naming_damage(settings.lake_dir, files):
        duck.register("wanted", wanted)
        source = select_files(settings.lake_dir, files, ())
        found = duck.sql(f"select * from ({source}) e semi join wanted using (bucket, customer_id)")
        for batch in found.to_arrow_reader(65_536):
            copy_arrow(conn, "fetched", pa.Table.from_batches([batch]))

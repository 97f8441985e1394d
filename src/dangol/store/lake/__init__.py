"""The history: events as Parquet files with a manifest in PostgreSQL, read by DuckDB.

Recent events live in `event_recent`; the mover writes them to files, compaction makes few large
files of many small ones, masks hide merged and erased customers until files are rewritten.
`snapshot` reads all of it so that each event is seen exactly once, whatever runs meanwhile.
"""

from dangol.store.lake.duck import open_duckdb
from dangol.store.lake.reading import Follower, Snapshot, snapshot

__all__ = ["Follower", "Snapshot", "open_duckdb", "snapshot"]

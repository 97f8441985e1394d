"""One way to open DuckDB: in memory, alone, in UTC, with its limits told."""

import os

import duckdb

from dangol.settings import Settings


def open_duckdb(
    settings: Settings, *, memory_mb: int | None = None, threads: int | None = None
) -> duckdb.DuckDBPyConnection:
    """An empty in-memory database that loads no extensions and spills to `settings.temp_dir`.

    `memory_mb` defaults to the engine's share, `threads` to the cores this process may use.
    """
    settings.temp_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    limits = {
        "memory_limit": f"{memory_mb or settings.engine_memory_mb}MB",
        "threads": threads or len(os.sched_getaffinity(0)),
        "temp_directory": str(settings.temp_dir),
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "allow_community_extensions": False,
        "preserve_insertion_order": True,
    }
    connection = duckdb.connect(":memory:", config=limits)
    connection.execute("set global TimeZone = 'UTC'")  # global: cursors have it too
    connection.execute("set global parquet_metadata_cache = true")
    return connection

"""Fixtures of the lake: a data folder, four partitions, and the history read back."""

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from dangol.settings import Settings
from dangol.store.lake import snapshot


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "data", engine_memory_mb=512)


@pytest.fixture
def partitions(conn: psycopg.Connection) -> list[tuple[int, int]]:
    """Four partitions."""
    ranges = [(low, low + 255) for low in range(0, 1024, 256)]
    for number, (low, high) in enumerate(ranges):
        conn.execute(
            "insert into lease (partition, bucket_lo, bucket_hi) values (%s, %s, %s)",
            [number, low, high],
        )
    conn.commit()
    return ranges


@pytest.fixture
def read_keys(settings: Settings, dsn: str) -> Callable[[], list[tuple[int, UUID]]]:
    """All (customer_id, event_id) of a snapshot, sorted, with duplicates if there were any."""

    def read() -> list[tuple[int, UUID]]:
        with snapshot(settings, dsn, views=["events"]) as snap:
            rows = snap.query("select customer_id, event_id from events").to_pylist()
        return sorted((row["customer_id"], UUID(row["event_id"])) for row in rows)

    return read

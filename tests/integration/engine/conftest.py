"""What a turn of Live stands on, and a way to put facts into its inbox."""

import datetime as dt
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from dangol.engine.leases import Lease, ensure_leases, share_leases
from dangol.engine.tick import Ground, Pace, turn_once
from dangol.engine.workers import run_engine
from dangol.model.customer import bucket_of
from dangol.model.event import event_key
from dangol.settings import Settings
from dangol.store.journal import Journal
from dangol.store.keyring import load_keyring
from dangol.store.pool import connect

NOW = dt.datetime(2026, 11, 21, 3, 0, tzinfo=dt.UTC)

Tell = Callable[..., None]


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    return Ground(load_keyring(tmp_path / "keyring.json"), Journal(tmp_path / "journal"))


@pytest.fixture
def leases(conn: psycopg.Connection) -> tuple[Lease, ...]:
    ensure_leases(conn, 4)
    conn.commit()
    return share_leases(conn, "test", [])


@pytest.fixture
def tell(conn: psycopg.Connection) -> Tell:
    """Put one fact into the inbox, as Route would, and commit it."""

    def put(customer_id: int, name: str, props: dict[str, Any] | None = None, **more: Any) -> None:
        row = {
            "bucket": bucket_of(customer_id),
            "customer_id": customer_id,
            "name": name,
            "time": NOW,
            "received_at": NOW,
            "props": Jsonb(props or {}),
            "source": "test",
            "effect": "live",
            "cause": "behaviour",
        } | more
        row.setdefault("event_id", event_key("test", f"{name}{props}{row['time']}{customer_id}"))
        names = ", ".join(row)
        values = ", ".join(f"%({name})s" for name in row)
        conn.execute(f"insert into inbox ({names}) values ({values})", row)
        conn.commit()

    return put


@pytest.fixture
def apply(
    conn: psycopg.Connection, leases: tuple[Lease, ...], ground: Ground
) -> Callable[[], None]:
    """Live until nothing waits."""

    def run(now: dt.datetime = NOW) -> None:
        pace = Pace()
        while (
            turn_once(conn, leases, ground, now, pace).last_bucket is not None
            or conn.execute("select exists (select from inbox)").fetchone()[0]
        ):
            conn.commit()
        conn.commit()

    return run


@pytest.fixture
def settings(dsn: str, tmp_path: Path) -> Settings:
    with connect(dsn, name="test") as conn:
        ensure_leases(conn, 4)
    return Settings(data=tmp_path, database_url=dsn)


@pytest.fixture
def engine(settings: Settings) -> Iterator[threading.Event]:
    stop = threading.Event()
    thread = threading.Thread(target=run_engine, args=(settings, stop))
    thread.start()
    yield stop
    stop.set()
    thread.join(20)
    assert not thread.is_alive()


def wait_for(claim: Callable[[], bool], seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.05)

"""Carrying out erasures: first the database, then, when compaction has been there, the files."""

import time
from collections.abc import Sequence
from datetime import datetime

import msgspec
import psycopg
import pyarrow as pa
from psycopg import errors
from psycopg.types.json import Jsonb

from dangol.know.erasure.certificate import KEPT, Certificate, Files
from dangol.know.erasure.clearing import REWRITE_WITHIN, Name, Wiped, list_ids, wipe
from dangol.know.erasure.search import search_database
from dangol.know.erasure.service import Erasure, list_open
from dangol.model.customer import bucket_of
from dangol.settings import Settings
from dangol.store.files import DISK
from dangol.store.journal import Journal
from dangol.store.keyring import Keyring
from dangol.store.lake import open_duckdb, snapshot
from dangol.store.lake.compaction import find_customers
from dangol.store.lake.manifest import list_files, writing
from dangol.store.lake.shelf import SHELVES, Place, clean_once
from dangol.store.lake.soundness import naming_damage
from dangol.store.pool import connect
from dangol.store.sql import load_queries

SQL = load_queries(__package__)

_ATTEMPTS = 5
_LOST_RACE = (errors.DeadlockDetected, errors.SerializationFailure)


def erase_once(
    dsn: str, settings: Settings, keyring: Keyring, journal: Journal, now: datetime
) -> int:
    """Bring every open erasure as far as it can go now; how many moved. Opens its own transactions.

    A request waits until what was heard before it has been routed. It ends when the files that
    held the person are off the disk. Run again after a kill.
    """
    with connect(dsn, name="erasure") as conn:
        with conn.transaction():
            waiting = list_open(conn)
        return sum(_advance(conn, dsn, settings, (keyring, journal), each, now) for each in waiting)


def _advance(
    conn: psycopg.Connection,
    dsn: str,
    settings: Settings,
    ground: tuple[Keyring, Journal],
    erasure: Erasure,
    now: datetime,
) -> bool:
    if erasure.certificate is not None:
        return _finish(conn, settings, erasure.certificate, erasure, now)
    with conn.transaction():
        has_drained = conn.execute(SQL.has_drained, {"at": erasure.requested_at}).fetchone()[0]
    if not has_drained:
        return False
    with conn.transaction():
        ids = list_ids(conn, erasure.customer_id)
    known = _names_in_history(dsn, settings, ids)
    certificate, names = _clear(conn, erasure, known, ground, now)
    with conn.transaction():
        found = search_database(conn, names)
        searched = msgspec.structs.replace(certificate, searched_at=now, found=found)
        _save(conn, erasure, searched, None)
    return True


def _clear(
    conn: psycopg.Connection,
    erasure: Erasure,
    known: Sequence[Name],
    ground: tuple[Keyring, Journal],
    now: datetime,
) -> tuple[Certificate, tuple[str, ...]]:
    """Clear the database in one transaction; again when it lost a race for locks."""
    for attempt in range(_ATTEMPTS):
        try:
            with writing(conn), conn.transaction():
                wiped = wipe(conn, erasure.customer_id, known, ground, now)
                certificate = _certify(erasure, wiped, now)
                args = {"id": erasure.id, "now": now}
                conn.execute(SQL.mark_cleared, args | {"certificate": _json(certificate)})
            return certificate, wiped.names
        except _LOST_RACE:
            if attempt == _ATTEMPTS - 1:
                raise
            time.sleep(0.1 * 2**attempt)
    raise AssertionError("unreachable")


def _certify(erasure: Erasure, wiped: Wiped, now: datetime) -> Certificate:
    return Certificate(
        customer_id=erasure.customer_id,
        also=wiped.ids[1:],
        requested_at=erasure.requested_at,
        requested_by=erasure.requested_by,
        cleared_at=now,
        cleared=wiped.cleared,
        kept=KEPT,
        files=Files(rewrite_due_at=now + REWRITE_WITHIN),
    )


def _finish(
    conn: psycopg.Connection,
    settings: Settings,
    certificate: Certificate,
    erasure: Erasure,
    now: datetime,
) -> bool:
    """Note that files are rewritten, after a search of them; then, that the old ones are gone."""
    ids = [certificate.customer_id, *certificate.also]
    with conn.transaction():
        rewritten_at, has_removed = conn.execute(SQL.find_rewritten, {"ids": ids}).fetchone()
        files = list_files(conn)
    noted = certificate.files
    if rewritten_at is None or (noted.rewritten_at and has_removed):
        return False
    if noted.rewritten_at is None:
        place = Place(settings, DISK, now)
        if any(clean_once(conn, place, shelf, ids) for shelf in SHELVES):
            return True  # the files before are still on the disk: look again
        lake_dir = settings.lake_dir
        with naming_damage(lake_dir, files), open_duckdb(settings, threads=1) as duck:
            if find_customers(duck, lake_dir, files, _as_table(ids)):
                raise RuntimeError(f"files still hold rows of erased customers {ids}")
        noted = msgspec.structs.replace(noted, rewritten_at=now)
    if not has_removed:
        noted = msgspec.structs.replace(noted, deleted_at=now)
    with conn.transaction():
        _save(conn, erasure, msgspec.structs.replace(certificate, files=noted), noted.deleted_at)
    return True


def _names_in_history(dsn: str, settings: Settings, ids: Sequence[int]) -> list[Name]:
    """Addresses and phone numbers that the person had once, and that only files hold."""
    names: set[Name] = set()
    for bucket in sorted({bucket_of(customer) for customer in ids}):
        with snapshot(settings, dsn, (bucket, bucket), views=["events"]) as snap:
            rows = snap.query(
                "select distinct props ->> '/email' as email, props ->> '/phone' as phone "
                "from events where name = 'Profile Updated' and list_contains(?, customer_id)",
                [list(ids)],
            )
        names |= {Name(value, True) for value in rows["email"].to_pylist() if value}
        names |= {Name(value, False) for value in rows["phone"].to_pylist() if value}
    return sorted(names)


def _save(
    conn: psycopg.Connection, erasure: Erasure, certificate: Certificate, ended: datetime | None
) -> None:
    args = {"id": erasure.id, "certificate": _json(certificate), "rewritten_at": ended}
    conn.execute(SQL.save_certificate, args)


def _json(certificate: Certificate) -> Jsonb:
    return Jsonb(msgspec.to_builtins(certificate))


def _as_table(ids: Sequence[int]) -> pa.Table:
    return pa.table(
        {
            "bucket": pa.array([bucket_of(customer) for customer in ids], pa.int32()),
            "customer_id": pa.array(ids, pa.int64()),
        }
    )

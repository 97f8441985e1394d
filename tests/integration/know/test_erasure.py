"""Forgetting a person: nothing names them any more, and nobody writes to them again."""

import datetime as dt
import re
import subprocess
from pathlib import Path
from uuid import uuid4

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from psycopg.types.json import Jsonb

from dangol.errors import NotFound
from dangol.know.erasure.clearing import CLEARED
from dangol.know.erasure.replay import replay
from dangol.know.erasure.service import get_erasure, request_erasure
from dangol.know.erasure.work import erase_once
from dangol.model.customer import bucket_of
from dangol.settings import Settings
from dangol.store.journal import Journal
from dangol.store.keyring import Keyring, load_keyring
from dangol.store.lake.carrying import carry_once
from dangol.store.lake.compaction import compact_once
from dangol.store.lake.mover import move_once
from dangol.store.lake.sweep import sweep_once
from dangol.store.server import EmbeddedServer

NOW = dt.datetime(2026, 11, 21, 12, 0, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
PERSON, BEFORE, OTHER = 5, 7, 6
NAMES = ["gildong.hong@example.com", "old.hong@example.org", "홍길동", "user-4711", "anon-abcdef"]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "data", engine_memory_mb=512)


@pytest.fixture
def keyring(settings: Settings) -> Keyring:
    return load_keyring(settings.keyring_path)


@pytest.fixture
def journal(settings: Settings) -> Journal:
    return Journal(settings.journal_dir)


def insert(conn: psycopg.Connection, table: str, **values: object) -> None:
    """One row; dicts become JSON."""
    given = {key: Jsonb(v) if isinstance(v, dict) else v for key, v in values.items()}
    columns, places = ", ".join(given), ", ".join(f"%({key})s" for key in given)
    conn.execute(f"insert into {table} ({columns}) values ({places})", given)


def remember(conn: psycopg.Connection, keyring: Keyring, customer: int, email: str) -> None:
    """Something about this customer in every table that can hold it."""
    name = "이웃집" if customer == OTHER else "홍길동"
    who = {"bucket": bucket_of(customer), "customer_id": customer}
    event = {"received_at": NOW, "source": "t", "effect": "live", "cause": "behaviour"}
    profile = {"name": "Profile Updated", "props": {"email": email, "name": name}}
    seen = {"first_seen_at": NOW, "last_seen_at": NOW, "created_at": NOW}
    insert(conn, "customer", **who, **seen, traits=profile["props"], search=f"{name} {email}")
    insert(conn, "identity", **who, kind="email", value=email, linked_at=NOW)
    digest = keyring.address_hash("email", email)
    point = {"channel": "email", "address": email, "address_hash": digest, "stamp": "0"}
    insert(conn, "contact_point", **who, **point)
    insert(conn, "contact_state", **who, channel="email", consent="granted")
    insert(conn, "consent", **who, id=uuid4(), channel="email", topic="*", state="granted", time=NOW,
           recorded_at=NOW, actor="customer", source="form", evidence={"said": email})  # fmt: skip
    insert(conn, "inbox", **who, event_id=uuid4(), time=NOW, **event, **profile)
    for days in range(3):
        insert(conn, "event_recent", **who, event_id=uuid4(), time=NOW - days * DAY,
               recorded_at=NOW, **event, **profile)  # fmt: skip
    insert(conn, "relationship_day", **who, day=NOW.date(), events=1, revenue_minor=100)
    for send, state in ((1, "accepted"), (2, "queued")):
        insert(conn, "message", **who, send_id=send, state=state, due_at=NOW, planned_at=NOW,
               address=email, response=f"250 for {email}", seen={"email": email})  # fmt: skip
    insert(
        conn,
        "message",
        bucket=0,
        customer_id=0,
        send_id=100 + customer,
        state="accepted",
        due_at=NOW,
        planned_at=NOW,
        address=email,
    )
    insert(conn, "reject", id=uuid4(), at=NOW, source="t", reason="bad_time", detail="x",
           item=f'{{"email": "{email}"}}')  # fmt: skip
    insert(conn, "mailbox_message", id=uuid4(), at=NOW, rcpt=email.upper(), sender="s@s.example",
           subject=f"{name} 님", raw=email.encode())  # fmt: skip
    thread = uuid4()
    insert(conn, "thread", **who, id=thread, subject=f"{name} {customer}", state="open",
           opened_at=NOW, last_at=NOW)  # fmt: skip
    insert(conn, "thread_message", **who, thread_id=thread, id=uuid4(), direction="in", at=NOW,
           kind="message", from_address=email, subject="s", body_text=name, body_full=name,
           author="customer")  # fmt: skip
    insert(conn, "stray_mail", id=uuid4(), at=NOW, from_address=email, subject=name,
           reason="unknown", raw=b"x")  # fmt: skip
    insert(conn, "catalogue_property", owner="", name=f"email{customer}", type="text", count=1,
           example=email, last_at=NOW)  # fmt: skip


@pytest.fixture
def person(conn: psycopg.Connection, keyring: Keyring, dsn: str, settings: Settings) -> int:
    """A person with a past in files, in the database, under a merged number, and a neighbour."""
    remember(conn, keyring, BEFORE, NAMES[1])
    conn.commit()
    move_once(dsn, settings, NOW)
    remember(conn, keyring, PERSON, NAMES[0])
    remember(conn, keyring, OTHER, "neighbour@example.com")
    who = {"bucket": bucket_of(PERSON), "customer_id": PERSON, "linked_at": NOW}
    insert(conn, "identity", **who, kind="user", value="user-4711")
    insert(conn, "identity", **who, kind="anon", value="anon-abcdef")
    conn.execute("update customer set merged_into = %s where customer_id = %s", [PERSON, BEFORE])
    insert(conn, "merge_task", loser_id=BEFORE, winner_id=PERSON, reason="identity", created_at=NOW)
    conn.execute("update contact_point set stamp = '1'")
    conn.commit()
    carry_once(dsn, settings, NOW)
    move_once(dsn, settings, NOW)
    return PERSON


def everything(server: EmbeddedServer, dsn: str, settings: Settings) -> str:
    """All that the installation keeps, as text: a dump of the database and every file's rows."""
    command = [server.binaries / "pg_dump", "--inserts", dsn]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    raw = [bytes.fromhex(found).decode(errors="replace")
           for found in re.findall(r"'\\x([0-9a-f]+)'", text)]  # fmt: skip
    tables = [pq.read_table(path) for path in (settings.lake_dir / "events").iterdir()]
    props = [str(table["props"].to_pylist()) for table in tables]
    journal = [path.read_text() for path in settings.journal_dir.glob("*")]
    return "\n".join([text, *raw, *props, *journal])


def test_after_erasing_nothing_names_the_person(
    conn: psycopg.Connection,
    dsn: str,
    settings: Settings,
    server: EmbeddedServer,
    keyring: Keyring,
    journal: Journal,
    person: int,
) -> None:
    before = everything(server, dsn, settings)
    assert [name for name in NAMES if name not in before] == []
    request = request_erasure(conn, person, "member:1", NOW)
    conn.commit()
    assert erase_once(dsn, settings, keyring, journal, NOW) == 1
    certificate = get_erasure(conn, request).certificate
    conn.commit()
    assert certificate is not None
    assert certificate.also == (BEFORE,)
    assert certificate.found == (), certificate.found
    assert certificate.searched_at == NOW
    assert {item.where for item in certificate.cleared} >= {"inbox", "identity", "thread", "reject"}
    assert erase_once(dsn, settings, keyring, journal, NOW) == 0
    day = NOW + DAY
    while compact_once(dsn, settings, day):
        pass
    assert erase_once(dsn, settings, keyring, journal, day) == 1
    sweep_once(dsn, settings, day + DAY)
    assert erase_once(dsn, settings, keyring, journal, day + DAY) == 1
    assert erase_once(dsn, settings, keyring, journal, day + DAY) == 0
    ended = get_erasure(conn, request)
    assert ended.rewritten_at == day + DAY
    assert ended.certificate.files.deleted_at == day + DAY
    left = everything(server, dsn, settings)
    assert [name for name in NAMES if name in left] == []
    assert "neighbour@example.com" in left
    rows = conn.execute("select count(*) from event_recent where customer_id = %s", [OTHER])
    assert rows.fetchone()[0] + _rows_in_files(settings, OTHER) == 3


def _rows_in_files(settings: Settings, customer: int) -> int:
    tables = [pq.read_table(path) for path in (settings.lake_dir / "events").iterdir()]
    ids = pa.concat_tables(table.select(["customer_id"]) for table in tables)
    return ids["customer_id"].to_pylist().count(customer)


def test_the_opt_out_outlives_the_person(
    conn: psycopg.Connection, dsn: str, settings: Settings, keyring: Keyring, journal: Journal,
    person: int,
) -> None:  # fmt: skip
    request_erasure(conn, person, "member:1", NOW)
    conn.commit()
    erase_once(dsn, settings, keyring, journal, NOW)
    hashes = {keyring.address_hash("email", address) for address in NAMES[:2]}
    rows = conn.execute("select address_hash from suppression where lifted_at is null").fetchall()
    assert {row[0] for row in rows} == hashes
    assert {entry.address_hash for entry in journal.read().entries} == hashes
    conn.execute("truncate suppression")  # as an old backup would have it
    conn.execute("update customer set erased_at = null where customer_id = %s", [person])
    conn.execute("truncate erasure")
    entries = journal.read().entries
    first = replay(conn, entries, NOW)
    assert (first.suppressions, first.erasures) == (2, 1)
    conn.commit()
    assert replay(conn, entries, NOW).suppressions == 0


def test_it_waits_for_what_was_heard_before(
    conn: psycopg.Connection, dsn: str, settings: Settings, keyring: Keyring, journal: Journal,
    person: int,
) -> None:  # fmt: skip
    insert(conn, "intake", received_at=NOW, kind="track", source="k", body=b"{}")
    request = request_erasure(conn, person, "member:1", NOW)
    again = request_erasure(conn, BEFORE, "member:2", NOW)
    assert again == request
    conn.commit()
    states = conn.execute("select state, reason from message where send_id = 2 and customer_id = %s",
                          [person]).fetchall()  # fmt: skip
    assert states == [("silent", "erased")]
    assert erase_once(dsn, settings, keyring, journal, NOW) == 0
    conn.execute("delete from intake")
    conn.commit()
    assert erase_once(dsn, settings, keyring, journal, NOW) == 1


def test_nobody_unknown_is_erased(conn: psycopg.Connection) -> None:
    with pytest.raises(NotFound, match="no customer 99"):
        request_erasure(conn, 99, "member:1", NOW)


KEPT = {
    "mask": "numbers and dates",
    "erasure": "the request and its certificate",
}


def test_every_table_about_customers_is_cleared_or_kept_on_purpose(
    conn: psycopg.Connection,
) -> None:
    tables = {
        row[0]
        for row in conn.execute(
            "select table_name from information_schema.columns "
            "where table_schema = 'public' and column_name = 'customer_id'"
        )
    }
    assert tables <= set(CLEARED) | set(KEPT), tables - set(CLEARED) - set(KEPT)

"""Messages move to the lake when they are final, and everything that was told of them still is."""

import errno
import random
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import psycopg
import pyarrow.parquet as pq
import pytest

from dangol.decide.campaign.past.moving import has_due, move_messages
from dangol.decide.campaign.past.reading import Part, list_of_customer, list_of_send
from dangol.decide.campaign.past.row import join_page, with_addresses
from dangol.decide.campaign.results import (
    MessageRow,
    find_then,
    list_messages,
    resend_uncertain,
    results,
    why,
)
from dangol.decide.campaign.service import get_campaign
from dangol.decide.guard.rules import read_rules
from dangol.errors import StorageError
from dangol.know.erasure.service import get_erasure, request_erasure
from dangol.know.erasure.work import erase_once
from dangol.know.giving.balance import chosen_sends
from dangol.model.customer import bucket_of
from dangol.model.message import MessageState
from dangol.settings import Settings
from dangol.speak.links.service import find_handed
from dangol.speak.outbox.handoff import Channel, HandOff, Limits
from dangol.store.files import Disk
from dangol.store.journal import Journal
from dangol.store.keyring import Keyring
from dangol.store.lake.compaction import compact_once
from dangol.store.lake.manifest import MESSAGE, list_files
from dangol.store.lake.plan import GATHER_AT
from dangol.store.lake.shelf import MESSAGES, gather_once
from dangol.store.lake.sweep import sweep_once
from dangol.store.retention import Kind, change_days
from dangol.store.sql import load_queries
from dangol.store.token import seal
from dangol.testing.mailing import add_people, launch_to, prepare_brand
from dangol.web.pages.recipient import find_recipient
from tests.integration.store.faulty import CALLS, FaultyDisk

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
THEN = NOW - timedelta(days=40)
DAY = timedelta(days=1)
PEOPLE = range(1, 21)
STRAY, UNCERTAIN = 4, 9
SAMPLE = (1, 2, 3, STRAY, 5, UNCERTAIN)
"""One of each fate."""

_BECAME = """
update message m set state = v.state, reason = v.reason, seen = '{"day": 1, "stage": "loyal"}',
    address = v.address, handed_at = v.handed_at, finished_at = %(at)s, response = v.response
from (select c.customer_id as id, c.bucket,
    case when c.customer_id = %(uncertain)s then 'uncertain' else
        (array['accepted', 'failed', 'silent', 'held_out', 'accepted'])[1 + c.customer_id %% 5]
        end as state,
    (array[null, 'bad_address', 'withdrawn', null, null])[1 + c.customer_id %% 5] as reason,
    case when c.customer_id %% 5 in (0, 1, 4) then p.address end as address,
    case when c.customer_id %% 5 in (0, 1, 4) then %(at)s end as handed_at,
    '550 <' || p.address || '> unknown' as response
    from customer c join contact_point p using (bucket, customer_id)) v
where m.bucket = v.bucket and m.customer_id = v.id and m.send_id = %(send)s
"""


@pytest.fixture
def shop(conn: psycopg.Connection, settings: Settings, keyring: Keyring) -> Settings:
    """A brand and twenty people, one of whom moves to another address after the letter."""
    prepare_brand(conn, THEN)
    add_people(conn, keyring, PEOPLE, THEN)
    conn.commit()
    return settings


def ended(conn: psycopg.Connection, settings: Settings, at: datetime = THEN) -> UUID:
    """A campaign that ended at `at` with messages in every final state. Commits."""
    campaign_id = launch_to(conn, settings, PEOPLE, at)
    send_id = get_campaign(conn, campaign_id).send_id
    args = {"at": at, "uncertain": UNCERTAIN, "send": send_id}
    conn.execute(_BECAME, args)
    conn.execute("update send set state = 'closed' where id = %s", [send_id])
    conn.execute(
        "update campaign set state = 'done', finished_at = %s where id = %s", [at, campaign_id]
    )
    conn.execute(
        "update contact_point set address = 'new@elsewhere.example', address_hash = %s "
        "where customer_id = %s and bucket = customer_id %% 1024",
        [b"elsewhere", STRAY],
    )
    conn.commit()
    return campaign_id


def people_of(
    conn: psycopg.Connection, settings: Settings, campaign_id: UUID, size: int = 50, **part: object
) -> list[MessageRow]:
    """The whole list behind a number, page by page, as the desk puts it together."""
    send_id = get_campaign(conn, campaign_id).send_id or 0
    found: list[MessageRow] = []
    after = (-1, -1)
    while True:
        rows = list_messages(conn, campaign_id, **part, after=after, limit=size)  # type: ignore[arg-type]
        asked = Part(
            send_id=send_id, after_bucket=after[0], after_customer=after[1], limit=size, **part
        )
        page = join_page(conn, rows, list_of_send(settings, conn, asked), size)
        found += page
        if len(page) < size:
            return found
        after = (page[-1].bucket, page[-1].customer_id)


def told(
    conn: psycopg.Connection, settings: Settings, keyring: Keyring, campaign_id: UUID
) -> dict[str, object]:
    """Everything that is told of a campaign's messages, wherever they are."""
    send_id = get_campaign(conn, campaign_id).send_id or 0
    found = results(conn, campaign_id)
    for one in found.standings:
        listed = people_of(conn, settings, campaign_id, state=one.state, reason=one.reason or "")
        assert len(listed) == one.messages, "a number equals the list that it opens"
    thens = {}
    for person in SAMPLE:
        past = with_addresses(conn, list_of_customer(settings, conn, person, send_id=send_id))
        assert (find_then(conn, send_id, person) is None) == bool(past), "in one place only"
        said = why(conn, send_id, person, is_practice=True, now=NOW, then=past[0] if past else None)
        is_told = said.state == MessageState.ACCEPTED and person != STRAY  # still theirs
        address = said.address if is_told else None
        thens[person] = (said.state, said.reason, said.seen, said.due_at, said.finished_at, address)
    token = {person: seal(keyring, "u", send_id, person) for person in PEOPLE}
    opened = {person: find_recipient(conn, keyring, "u", token[person])[0] for person in PEOPLE}
    everyone = people_of(conn, settings, campaign_id, size=12)
    arrived = [row.customer_id for row in everyone if row.state == MessageState.ACCEPTED]
    conn.commit()
    return {
        "results": found,
        "rows": [(row.customer_id, row.state, row.handed_at, row.name) for row in everyone],
        "answered": {person: sent_to(conn, keyring, send_id, person) for person in arrived},
        "why": thens,
        "who": {person: opened[person].customer_id for person in PEOPLE},
        "where to": {person: opened[person].address_hash for person in arrived},
        "language": {person: opened[person].locale for person in PEOPLE},
        "handed": {one: at for one, at in find_handed(
            conn, [(send_id, person) for person in PEOPLE]).items() if one[1] in arrived},
        "chosen": [chosen_sends(conn, person) for person in PEOPLE],
    }  # fmt: skip


def sent_to(conn: psycopg.Connection, keyring: Keyring, send_id: int, person: int) -> bytes:
    """The address that an answer by mail to this letter speaks for."""
    key = {"bucket": bucket_of(person), "send_id": send_id, "customer_id": person}
    address, digest = conn.execute(
        load_queries("dangol.converse").find_sent_address, key
    ).fetchone()
    return digest or keyring.address_hash("email", address)


def words_in(settings: Settings) -> str:
    """Every value of every file that is on the disk, as text."""
    files = settings.lake_dir.rglob("*.parquet")
    return " ".join(str(pq.read_table(path).to_pylist()) for path in files)


def test_a_move_changes_nothing_that_is_told(
    conn: psycopg.Connection, shop: Settings, keyring: Keyring
) -> None:
    conn.execute("""update contact_state set topics = '{"news": {"state": "granted"}}'""")
    campaign_id = ended(conn, shop)
    conn.execute("update send set topic = 'news'")
    conn.commit()
    before = told(conn, shop, keyring, campaign_id)
    assert has_due(conn, NOW)
    conn.commit()
    while (moved := move_messages(shop, keyring, NOW, limit=8)) is not None:
        assert moved in (8, 3)
        assert told(conn, shop, keyring, campaign_id) == before
    left = conn.execute("select customer_id, state from message").fetchall()
    assert left == [(UNCERTAIN, "uncertain")], "what nobody decided stays"
    assert not has_due(conn, NOW)
    assert conn.execute("select count(*) from message_past").fetchone() == (7,)
    files = list_files(conn, kind=MESSAGE)
    conn.commit()
    assert sorted(file.rows for file in files) == [3, 8, 8]
    kept = words_in(shop)
    assert "withdrawn" in kept
    assert "@" not in kept
    assert "unknown" not in kept, "nor what a mail server said"
    assert list_files(conn) == [], "the history of events is another kind"


def test_few_large_files_come_of_many_small_ones(
    conn: psycopg.Connection, shop: Settings, keyring: Keyring
) -> None:
    campaign_id = ended(conn, shop)
    while move_messages(shop, keyring, NOW, limit=19 // GATHER_AT) is not None:
        pass
    before = told(conn, shop, keyring, campaign_id)
    with pytest.raises(StorageError):
        gather_once(
            shop.database_url or "", shop, MESSAGES, NOW, layer=FaultyDisk("fsync", errno.EIO)
        )
    made = gather_once(shop.database_url or "", shop, MESSAGES, NOW)
    assert made is not None
    assert made.level == 1
    assert told(conn, shop, keyring, campaign_id) == before
    assert gather_once(shop.database_url or "", shop, MESSAGES, NOW) is None
    assert compact_once(shop.database_url or "", shop, NOW) is None
    swept = sweep_once(shop.database_url or "", shop, NOW + 2 * DAY)
    assert swept.removed >= GATHER_AT
    assert told(conn, shop, keyring, campaign_id) == before


def test_what_was_uncertain_may_be_sent_again_and_moves_when_that_is_final(
    conn: psycopg.Connection, shop: Settings, keyring: Keyring
) -> None:
    campaign_id = ended(conn, shop)
    send_id = get_campaign(conn, campaign_id).send_id or 0
    move_messages(shop, keyring, NOW)
    merged = (UNCERTAIN, 5)  # 5 got the letter long ago, and turns out to be who is uncertain
    conn.execute(
        "insert into merge_task (loser_id, winner_id, reason, created_at) values (%s, %s, 'alias', %s)",
        [merged[1], merged[0], NOW],
    )
    assert resend_uncertain(conn, campaign_id, now=NOW) == 1
    conn.commit()
    hand = HandOff("a")
    practice = Channel(is_practice=True)
    batch = hand.take(conn, send_id, practice, read_rules(conn), Limits(messages=9), NOW)
    conn.commit()
    assert batch is not None
    assert not batch.customer_id, "a person is not written to twice"
    state = conn.execute("select state, reason from message").fetchall()
    assert state == [("silent", "already_sent")]
    conn.execute("update send set state = 'closed'")
    conn.execute("update campaign set state = 'done', finished_at = %s", [NOW])
    conn.commit()
    assert not has_due(conn, NOW)
    assert has_due(conn, NOW + 31 * DAY)
    conn.commit()
    assert move_messages(shop, keyring, NOW + 31 * DAY) == 1
    assert results(conn, campaign_id).people == len(PEOPLE)
    assert conn.execute("select count(*) from message").fetchone() == (0,)


def test_how_long_messages_stay_is_a_row(
    conn: psycopg.Connection, shop: Settings, keyring: Keyring
) -> None:
    ended(conn, shop)
    change_days(conn, Kind.MESSAGE, 41, by="test", now=NOW)
    conn.commit()
    assert not has_due(conn, NOW)
    conn.commit()
    assert move_messages(shop, keyring, NOW) is None
    assert has_due(conn, NOW + DAY + DAY)
    conn.execute("update send set state = 'open'")
    assert not has_due(conn, NOW + DAY + DAY), "a campaign that goes on is not moved"


@pytest.mark.parametrize(("call", "fault"), [(call, errno.ENOSPC) for call in CALLS])
def test_a_failed_move_changes_nothing_and_succeeds_later(
    conn: psycopg.Connection, shop: Settings, keyring: Keyring, call: str, fault: int
) -> None:
    ended(conn, shop)
    (shop.lake_dir / "messages").mkdir(parents=True)
    with pytest.raises(StorageError):
        move_messages(shop, keyring, NOW, layer=FaultyDisk(call, fault))
    assert list((shop.lake_dir / "messages").iterdir()) == []
    assert conn.execute("select count(*) from message").fetchone() == (len(PEOPLE),)
    conn.commit()
    assert move_messages(shop, keyring, NOW) == len(PEOPLE) - 1


class _Meanwhile(Disk):
    """A disk on which something happens when a file of messages has just become durable."""

    def __init__(self, folder: Path, happens) -> None:
        self.folder, self.happens = folder, happens

    def fsync_folder(self, folder: Path) -> None:
        super().fsync_folder(folder)
        if folder == self.folder:
            self.happens()


def test_a_mover_that_dies_between_file_and_manifest_leaves_an_orphan(
    conn: psycopg.Connection, shop: Settings, keyring: Keyring
) -> None:
    campaign_id = ended(conn, shop)
    before = told(conn, shop, keyring, campaign_id)
    folder = shop.lake_dir / "messages"

    def die() -> None:
        conn.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where application_name = 'dangol message mover'"
        )
        conn.commit()

    with pytest.raises(psycopg.OperationalError):
        move_messages(shop, keyring, NOW, layer=_Meanwhile(folder, die))
    assert len(list(folder.iterdir())) == 1
    assert told(conn, shop, keyring, campaign_id) == before
    assert move_messages(shop, keyring, NOW) == len(PEOPLE) - 1
    assert told(conn, shop, keyring, campaign_id) == before
    swept = sweep_once(shop.database_url or "", shop, datetime.now(UTC) + 2 * DAY)
    assert swept.orphans == 1
    assert told(conn, shop, keyring, campaign_id) == before


_WORK = """
import datetime as dt, sys
from pathlib import Path
from dangol.decide.campaign.past.moving import move_messages
from dangol.settings import Settings
from dangol.store.keyring import load_keyring
from dangol.store.lake.shelf import MESSAGES, gather_once

dsn, settings = sys.argv[1], Settings(data=Path(sys.argv[2]), database_url=sys.argv[1])
keyring, now = load_keyring(settings.keyring_path), dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
print("ready", flush=True)
while True:
    move_messages(settings, keyring, now, limit=1)
    gather_once(dsn, settings, MESSAGES, now)
"""


def test_killed_anywhere_everyone_is_told_of_once(
    conn: psycopg.Connection, shop: Settings, keyring: Keyring
) -> None:
    seeded = random.Random(3)
    campaign_id = ended(conn, shop)
    before = results(conn, campaign_id)
    command = [sys.executable, "-c", _WORK, shop.database_url or "", str(shop.data)]
    for _ in range(3):
        conn.commit()
        with subprocess.Popen(command, stdout=subprocess.PIPE) as worker:
            assert worker.stdout is not None
            worker.stdout.readline()
            time.sleep(seeded.uniform(0.0, 0.4))
            assert worker.poll() is None
            worker.kill()
        assert results(conn, campaign_id) == before
        assert sorted(row.customer_id for row in people_of(conn, shop, campaign_id)) == [*PEOPLE]
    conn.commit()
    while move_messages(shop, keyring, NOW) is not None:
        pass
    assert results(conn, campaign_id) == before
    past = list_of_send(shop, conn, Part(send_id=1))
    assert sorted(one.customer_id for one in past) == [n for n in PEOPLE if n != UNCERTAIN]


def test_a_second_mover_waits_its_turn_and_an_answer_in_between_is_not_lost(
    conn: psycopg.Connection, shop: Settings, keyring: Keyring
) -> None:
    """Rows that change while the file is written are not deleted: the move is done again."""
    campaign_id = ended(conn, shop)
    second: list[int | None] = []

    def meanwhile() -> None:
        thread = threading.Thread(target=lambda: second.append(move_messages(shop, keyring, NOW)))
        thread.start()
        thread.join()
        conn.execute("update message set reason = 'late' where customer_id = 10")
        conn.commit()

    with pytest.raises(psycopg.errors.SerializationFailure):
        move_messages(shop, keyring, NOW, layer=_Meanwhile(shop.lake_dir / "messages", meanwhile))
    assert second == [None]
    assert move_messages(shop, keyring, NOW) == len(PEOPLE) - 1
    found = people_of(conn, shop, campaign_id, reason="late")
    assert [row.customer_id for row in found] == [10]


def test_files_keep_nothing_of_who_was_erased_and_nobody_writes_to_the_old_address(
    conn: psycopg.Connection, shop: Settings, keyring: Keyring
) -> None:
    campaign_id = ended(conn, shop)
    send_id = get_campaign(conn, campaign_id).send_id or 0
    move_messages(shop, keyring, NOW)
    before = results(conn, campaign_id)
    erasure = request_erasure(conn, STRAY, "test", NOW)
    conn.commit()
    dsn, ground = shop.database_url or "", (keyring, Journal(shop.journal_dir))
    for turn in range(4):
        erase_once(dsn, shop, *ground, NOW + turn * DAY)
        compact_once(dsn, shop, NOW + turn * DAY)
    done = get_erasure(conn, erasure)
    assert done.certificate is not None
    assert done.certificate.files.rewritten_at is not None
    assert done.rewritten_at is None, "the file before is still on the disk"
    sweep_once(dsn, shop, NOW + 5 * DAY)
    erase_once(dsn, shop, *ground, NOW + 5 * DAY)
    assert get_erasure(conn, erasure).rewritten_at is not None
    conn.commit()
    (past,) = list_of_customer(shop, conn, STRAY)
    assert past.seen is None
    assert all(one.seen for one in list_of_customer(shop, conn, STRAY + 1))
    assert results(conn, campaign_id) == before
    old = keyring.address_hash("email", f"u{STRAY}@coffee.example")
    blocked = "select count(*) from suppression where address_hash = %s and reason = 'erased'"
    assert conn.execute(blocked, [old]).fetchone() == (1,)
    token = seal(keyring, "u", send_id, STRAY)
    opened = find_recipient(conn, keyring, "u", token)
    assert opened is not None
    assert opened[0].customer_id is None
    assert "@" not in words_in(shop)

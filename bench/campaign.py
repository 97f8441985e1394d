"""A campaign over SMTP: messages a second from queued row to durable result.

Every person has an own row; the guard and the caps are asked at hand-off. The letter is personal
HTML and text by the default layout, with three signed counted links in each part, a way out and a
pixel; its size is printed (the budget speaks of 4.8 KB). The server is a counting sink in a process
of its own. The baseline is what one writes first, and sends the same letter: Liquid, `EmailMessage`
and `smtplib` over one connection to the same sink, one row updated and committed per message.
Processor time is counted from the moment at which the dispatcher is up.
"""

import os
import smtplib
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import LiteralString
from uuid import UUID

import psycopg
from msgspec.structs import replace

from bench._ground import fresh_database
from bench.render import naive as naive_way
from bench.report import Figure, show
from dangol.decide.campaign.service import pause_campaign, resume_campaign
from dangol.settings import Settings
from dangol.speak.letter.names import Reader
from dangol.speak.letter.postbox import Postbox
from dangol.speak.letter.press import Press
from dangol.speak.links.collect import collect_links
from dangol.store.keyring import load_keyring
from dangol.store.pool import connect
from dangol.testing.mailing import (
    BRAND,
    add_people,
    launch_to,
    letter_of,
    prepare_brand,
    running_sink,
    start_dispatcher,
)
from dangol.testing.smtp_sink import read_ledger

PEOPLE = int(os.environ.get("BENCH_PEOPLE", "50000"))
NAIVE = 400
_TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure and print."""
    with fresh_database() as bare:
        ledger = bare.data / "ledger"
        with running_sink(ledger) as port, connect(bare.database_url or "", name="bench") as conn:
            settings = replace(bare, sandbox_port=port)
            now = datetime.now(UTC)
            prepare_brand(conn, now)
            keyring = load_keyring(settings.keyring_path)
            letter = letter_of(paragraphs=1)
            postbox = Postbox(
                send_id=1,
                keyring=keyring,
                brand=BRAND,
                links=collect_links(letter),
                base_url=f"http://{settings.host}:{settings.port}",
            )
            size = len(Press(letter, postbox).render(_reader(1), now))
            naive = _naive(conn, port, naive_way(letter, postbox))
            customers = range(1, PEOPLE + 1)
            add_people(conn, keyring, customers, now)
            launched = time.perf_counter()
            campaign_id = launch_to(conn, settings, customers, now, letter=letter)
            planned = PEOPLE / (time.perf_counter() - launched)
            cpu = _send(conn, settings, campaign_id)
            rate, seconds = _rate(conn)
            _check(ledger, conn)
    note = f"letters of {size / 1000:.1f} kB"
    name = "the same by Liquid, EmailMessage and smtplib"
    show(Figure("campaign", rate, "messages/s", 10_000, naive, name, note=note))
    parts = ", ".join(f"{name} {value / PEOPLE * 1e4:.2f}" for name, value in cpu.items())
    print(f"  {PEOPLE} people in {seconds:.1f} s; CPU s per 10,000: {parts}")
    print(f"  planned {planned:,.0f} people/s")


def _send(conn: psycopg.Connection, settings: Settings, campaign_id: UUID) -> dict[str, float]:
    """Send it all; CPU seconds of dispatcher and database from when the dispatcher was up."""
    pause_campaign(conn, campaign_id, now=datetime.now(UTC))
    conn.commit()
    process = start_dispatcher(settings)
    try:
        _wait_until(conn, "select exists (select from dispatcher)")
        before = {"dispatcher": _cpu(process.pid), "PostgreSQL": _database_cpu(settings.data)}
        resume_campaign(conn, campaign_id, now=datetime.now(UTC))
        conn.commit()
        _wait_until(conn, "select state = 'done' from campaign")
        after = {"dispatcher": _cpu(process.pid), "PostgreSQL": _database_cpu(settings.data)}
        print(f"  dispatcher RSS {_rss(process.pid):.0f} MB")
        return {part: after[part] - before[part] for part in after}
    finally:
        process.terminate()
        process.wait(30)


def _wait_until(conn: psycopg.Connection, question: LiteralString) -> None:
    while True:
        row = conn.execute(question).fetchone()
        conn.commit()
        if row is not None and row[0]:
            return
        time.sleep(0.25)


def _rate(conn: psycopg.Connection) -> tuple[float, float]:
    """From the first hand-off to the last result in the database."""
    row = conn.execute(
        "select count(*), extract(epoch from max(finished_at) - min(handed_at))::float8"
        " from message where state = 'accepted'"
    ).fetchone()
    assert row is not None
    return row[0] / row[1], row[1]


def _check(ledger: Path, conn: psycopg.Connection) -> None:
    arrived = [one for one in read_ledger(ledger) if one.startswith("u")]
    if len(arrived) != PEOPLE or len(set(arrived)) != PEOPLE:
        sys.exit(f"{len(arrived)} messages to {len(set(arrived))} of {PEOPLE} people arrived")


def _naive(conn: psycopg.Connection, port: int, write: Callable[[Reader], bytes]) -> float:
    conn.execute("create temp table naive (id int primary key, sent_at timestamptz)")
    conn.execute("insert into naive select generate_series(1, %s)", [NAIVE])
    conn.commit()
    begun = time.perf_counter()
    with smtplib.SMTP("127.0.0.1", port) as client:
        for number in range(1, NAIVE + 1):
            raw = write(_reader(number)).replace(b"\n", b"\r\n")
            client.sendmail(BRAND.sender_email, [f"naive{number}@coffee.example"], raw)
            conn.execute("update naive set sent_at = now() where id = %s", [number])
            conn.commit()
    return NAIVE / (time.perf_counter() - begun)


def _reader(number: int) -> Reader:
    traits = {"first_name": f"Name{number % 997}", "city": "Seoul"}
    return Reader(number, f"u{number}@coffee.example", traits, "en", "US")


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _database_cpu(home: Path) -> float:
    """CPU seconds of this database's processes, with those that have ended."""
    total = 0.0
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if home not in (path / "cwd").resolve().parents:
                continue
            fields = (path / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += sum(map(int, fields[11:15])) / _TICKS
    return total


def _rss(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


if __name__ == "__main__":
    main()

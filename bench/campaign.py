"""A campaign over SMTP: messages a second from queued row to durable result.

Every person has an own row; the guard and the caps are asked at hand-off. The letter is personal
HTML and text by the default layout, with three signed counted links in each part, a way out and a
pixel: more bytes than the 4.8 KB that the budget speaks of. The server is a counting sink in a process
of its own. The baseline is what one writes first: a Liquid template, `EmailMessage`, `smtplib`, one
row updated per message; to the same sink, from the same database, with a smaller letter.
"""

import os
import smtplib
import sys
import time
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import liquid
import psycopg
from msgspec.structs import replace

from bench._ground import fresh_database
from bench.report import Figure, show
from dangol.settings import Settings
from dangol.store.keyring import load_keyring
from dangol.store.pool import connect
from dangol.testing.mailing import (
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
            naive = _naive(conn, port)
            now = datetime.now(UTC)
            prepare_brand(conn, now)
            keyring = load_keyring(settings.keyring_path)
            customers = range(1, PEOPLE + 1)
            add_people(conn, keyring, customers, now)
            launched = time.perf_counter()
            launch_to(conn, settings, customers, now, letter=letter_of(paragraphs=1))
            planned = PEOPLE / (time.perf_counter() - launched)
            cpu = _send(conn, settings)
            rate, seconds = _rate(conn)
            _check(ledger, conn)
    show(Figure("campaign", rate, "messages/s", 10_000, naive, "EmailMessage and smtplib"))
    parts = ", ".join(f"{name} {value / PEOPLE * 1e4:.2f}" for name, value in cpu.items())
    print(f"  {PEOPLE} people in {seconds:.1f} s; CPU s per 10,000: {parts}")
    print(f"  planned {planned:,.0f} people/s")


def _send(conn: psycopg.Connection, settings: Settings) -> dict[str, float]:
    """Send it all; CPU seconds of dispatcher and database."""
    before = _database_cpu(settings.data)
    process = start_dispatcher(settings)
    try:
        while not _is_done(conn):
            time.sleep(0.25)
        used = {
            "dispatcher": _cpu(process.pid),
            "PostgreSQL": _database_cpu(settings.data) - before,
        }
        print(f"  dispatcher RSS {_rss(process.pid):.0f} MB")
        return used
    finally:
        process.terminate()
        process.wait(30)


def _is_done(conn: psycopg.Connection) -> bool:
    row = conn.execute("select state from campaign").fetchone()
    conn.commit()
    return row is not None and row[0] == "done"


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


def _naive(conn: psycopg.Connection, port: int) -> float:
    conn.execute("create temp table naive (id int primary key, name text, sent_at timestamptz)")
    conn.execute("insert into naive select i, 'Name' || i from generate_series(1, %s) i", [NAIVE])
    conn.commit()
    words = "we roasted the beans that you liked, slowly and in small lots. " * 30
    html = liquid.parse("<p>Good day {{ name }}</p>" + f"<p>{words}</p>" * 2)
    text = liquid.parse("Good day {{ name }}\n" + words)
    rows = conn.execute("select id, name from naive order by id").fetchall()
    begun = time.perf_counter()
    with smtplib.SMTP("127.0.0.1", port) as client:
        for number, name in rows:
            message = EmailMessage()
            message["From"] = "news@mail.coffee.example"
            message["To"] = f"naive{number}@coffee.example"
            message["Subject"] = f"News for {name}"
            message.set_content(text.render(name=name))
            message.add_alternative(html.render(name=name), subtype="html")
            client.send_message(message)
            conn.execute("update naive set sent_at = now() where id = %s", [number])
            conn.commit()
    return NAIVE / (time.perf_counter() - begun)


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

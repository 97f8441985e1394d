"""What a mailing needs around it: people who may be written to, a letter, and running processes."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from uuid import UUID

import psycopg
import pyarrow as pa

from dangol.decide.campaign.model import Draft, Schedule
from dangol.decide.campaign.planning import (
    Plan,
    chunks_of,
    finish_planning,
    members_of,
    plan_chunk,
)
from dangol.decide.campaign.sends import get_send
from dangol.decide.campaign.service import create_campaign, get_campaign
from dangol.decide.campaign.store import SQL
from dangol.decide.guard.rules import read_rules
from dangol.model.customer import bucket_of
from dangol.model.message import MessageKind
from dangol.settings import Settings
from dangol.speak.launch import launch_campaign
from dangol.speak.letter.content import Letter, parse_letter
from dangol.speak.letter.service import create_letter
from dangol.store.brand import Brand, save_brand, save_setting
from dangol.store.bulk import copy_arrow
from dangol.store.keyring import Keyring, load_keyring

BRAND = Brand(
    name="단골 커피",
    legal_name="단골 커피 로스터스",
    sender_name="단골 커피",
    sender_email="news@mail.coffee.example",
    email="hello@coffee.example",
    phone="02-000-0000",
    postal_address="서울시 마포구 1",
    site_url="https://coffee.example",
    reply_domain="reply.coffee.example",
)


def letter_of(paragraphs: int = 6, kind: MessageKind = MessageKind.NEWS) -> Letter:
    """A letter with the name in it and three counted links."""
    text = {
        "type": "paragraph",
        "runs": [
            {"text": "Good day {{ customer.first_name | default: 'friend' }}, "},
            {"text": "we roasted the beans that you liked, slowly and in small lots. "},
        ],
    }
    link = {"type": "paragraph", "runs": [{"text": "Beans", "href": "https://coffee.example/b"}]}
    blocks = [
        {"type": "text", "parts": [text] * paragraphs + [link]},
        {"type": "button", "label": "Order", "href": "https://coffee.example/order"},
        {"type": "button", "label": "Visit us", "href": "https://coffee.example/visit"},
    ]
    subject = "News for {{ customer.first_name | default: 'you' }}"
    variant = {"subject": subject, "preheader": "Fresh beans", "blocks": blocks}
    return parse_letter({"kind": kind.value, "variants": {"en": variant}})


def prepare_brand(conn: psycopg.Connection, now: datetime) -> None:
    """A brand that may send, at any hour of the day."""
    save_brand(conn, BRAND, by="test", now=now)
    save_setting(conn, "hours", {"from": "00:00", "until": "00:00"}, by="test", now=now)


def add_people(
    conn: psycopg.Connection,
    keyring: Keyring,
    customers: Sequence[int],
    now: datetime,
    *,
    domain: str = "coffee.example",
) -> None:
    """Customers with an address and consent; customer 7 is u7@ the domain."""
    size = len(customers)
    buckets = [bucket_of(one) for one in customers]
    addresses = [f"u{one}@{domain}" for one in customers]
    key = {"bucket": buckets, "customer_id": list(customers)}
    moment = pa.array([now] * size, pa.timestamp("us", "UTC"))
    seen = {"first_seen_at": moment, "last_seen_at": moment, "created_at": moment}
    traits = [f'{{"first_name": "Name{one % 997}", "city": "Seoul"}}' for one in customers]
    place = {"locale": ["en"] * size, "zone": ["Asia/Seoul"] * size, "country": ["US"] * size}
    copy_arrow(conn, "customer", pa.table(key | {"traits": traits} | place | seen))
    hashes = [f"\\x{keyring.address_hash('email', one).hex()}" for one in addresses]
    point = {"channel": ["email"] * size, "address": addresses, "address_hash": hashes}
    copy_arrow(conn, "contact_point", pa.table(key | point | {"stamp": ["0"] * size}))
    state = {"channel": ["email"] * size, "consent": ["granted"] * size}
    copy_arrow(conn, "contact_state", pa.table(key | state | {"consent_version": [1] * size}))


def launch_to(
    conn: psycopg.Connection,
    settings: Settings,
    customers: Sequence[int],
    now: datetime,
    *,
    letter: Letter | None = None,
    schedule: Schedule | None = None,
    holdout_share: float = 0.0,
) -> UUID:
    """A campaign to just these people, launched and planned; returns its id. Commits."""
    stored = create_letter(conn, "Beans", letter or letter_of(), by="test", now=now)
    draft = Draft(
        name="Beans",
        letter_id=stored.id,
        schedule=schedule or Schedule(),
        holdout_share=holdout_share,
    )
    campaign = create_campaign(conn, draft, by="test", now=now)
    keyring = load_keyring(settings.keyring_path)
    launch_campaign(conn, settings, keyring, campaign.id, by="test", now=now)
    conn.commit()
    plan_for(conn, campaign.id, customers, now)
    return campaign.id


def plan_for(
    conn: psycopg.Connection, campaign_id: UUID, customers: Sequence[int], now: datetime
) -> None:
    """Plan a launched campaign for these people, without asking a lake. Commits."""
    conn.execute(SQL.start_planning, {"id": campaign_id, "now": now})
    campaign = get_campaign(conn, campaign_id)
    assert campaign.send_id is not None
    send, rules = get_send(conn, campaign.send_id), read_rules(conn)
    plan = Plan(campaign=campaign, send=send, rules=rules, is_practice=True, now=now)
    buckets = pa.array([bucket_of(one) for one in customers], pa.int32())
    people = pa.table({"bucket": buckets, "customer_id": pa.array(list(customers), pa.int64())})
    conn.commit()
    for chunk in chunks_of(members_of(people)):
        plan_chunk(conn, plan, chunk)
    finish_planning(conn, campaign_id, now)
    conn.commit()


@contextmanager
def running_sink(log: Path, *, delay: float = 0.0) -> Iterator[int]:
    """A counting SMTP server in a process of its own; gives its port."""
    command = [sys.executable, "-m", "dangol.testing.smtp_sink", "--log", str(log)]
    command += ["--delay", str(delay), "--until-eof"]
    pipe = subprocess.PIPE  # held open by us: the sink ends when we do, however we end
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.kill()


def start_dispatcher(settings: Settings) -> "subprocess.Popen[bytes]":
    """`dangol dispatch` in a process of its own; the caller ends it."""
    environment = os.environ | {
        "DANGOL_DATA": str(settings.data),
        "DANGOL_DATABASE_URL": settings.database_url or "",
        "DANGOL_SANDBOX_PORT": str(settings.sandbox_port),
    }
    command = [sys.executable, "-m", "dangol.cli", "dispatch"]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)

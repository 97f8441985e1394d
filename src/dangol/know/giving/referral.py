"""Friends: a link that says who sent somebody, and what their referrers hear of them.

A referral is believed only from our own pages and from tokens that we sealed; nobody is brought
twice, by themselves, or after having ordered. Live applies it to a whole batch.
"""

from datetime import datetime

import psycopg
from psycopg.types.json import Jsonb

from dangol.model.customer import bucket_of, customer_key, merge_key
from dangol.model.event import EventName, event_key
from dangol.store.keyring import Keyring
from dangol.store.sql import load_queries
from dangol.store.token import seal, unseal

SQL = load_queries(__package__)

_KIND = "f"
TRAIT = "referral_code"
"""The trait by which a shop's own pages pass a token on."""


def friend_token(keyring: Keyring, customer_id: int) -> str:
    """What a customer's link for friends ends with."""
    return seal(keyring, _KIND, customer_id)


def read_friend_token(keyring: Keyring, token: str) -> int | None:
    """Whose link it is; None for anything that we did not seal. In letters the send stands first."""
    numbers = unseal(keyring, _KIND, token)
    return numbers[-1] if numbers and len(numbers) <= 2 else None


def apply_referrals(
    conn: psycopg.Connection, keyring: Keyring, relationship_event: str, now: datetime
) -> None:
    """Keep the batch's referrals and tell referrers of friends who came and ordered.

    `conn` is in the transaction that staged `heard` and has counted its relationship days. What is
    told goes through `inbox`, with ids that make telling it again harmless.
    """
    names = {"used": EventName.REFERRAL_USED, "stated": EventName.PROFILE_UPDATED}
    for claim in conn.execute(SQL.list_claims, names).fetchall():
        _keep(conn, keyring, claim, now)
    if conn.execute(SQL.has_referrals).fetchone()[0]:
        args = {"name": EventName.FRIEND_ORDERED, "event": relationship_event, "now": now}
        conn.execute(SQL.tell_orders, args)


def _keep(conn: psycopg.Connection, keyring: Keyring, claim: tuple, now: datetime) -> None:
    bucket, customer_id, time, effect, depth, by, code = claim
    referrer_id = int(by) if by.isascii() and by.isdigit() else read_friend_token(keyring, code)
    if referrer_id is None:
        return
    args = {
        "bucket": bucket,
        "customer_id": customer_id,
        "referrer_id": referrer_id,
        "referrer_bucket": bucket_of(referrer_id),
        "source": "page" if by else "shop",
        "at": time,
    }
    kept = conn.execute(SQL.keep_referral, args).fetchone()
    if kept is not None:
        told = {"name": EventName.FRIEND_JOINED, "time": time, "effect": effect, "now": now}
        told |= {
            "referrer_id": kept[0],
            "event_id": event_key("dangol", f"friend joined {customer_id}"),
            "props": Jsonb({"friend_id": customer_id}),
            "depth": depth + 1,
        }
        conn.execute(SQL.tell_joined, told)


def list_friends(conn: psycopg.Connection, customer_id: int, limit: int = 20) -> list[int]:
    """Whom a customer brought, the latest first."""
    rows = conn.execute(SQL.list_friends, {"customer_id": customer_id, "limit": limit})
    return [friend for friend, _ in rows]


def find_referrer(conn: psycopg.Connection, customer_id: int) -> int | None:
    """Who brought a customer."""
    row = conn.execute(SQL.find_referrer, customer_key(customer_id)).fetchone()
    return row[0] if row else None


def ask_referral(conn: psycopg.Connection, number: int, referrer_id: int, now: datetime) -> None:
    """Remember who sent an address that is not confirmed yet and has only a `number`."""
    conn.execute(SQL.ask_referral, customer_key(number) | {"referrer_id": referrer_id, "now": now})


def take_asked(conn: psycopg.Connection, number: int) -> int | None:
    """Who had sent the address that was confirmed just now; asked once."""
    row = conn.execute(SQL.take_asked, customer_key(number)).fetchone()
    return row[0] if row else None


def move_referrals(conn: psycopg.Connection, loser_id: int, winner_id: int) -> None:
    """Both ends of a merged customer's referrals are the winner's."""
    args = merge_key(loser_id, winner_id)
    conn.execute(SQL.move_friend, args)
    conn.execute(SQL.move_referrals, args)

"""Signing in: passwords, one-time links, sessions. Secrets are kept as hashes only.

Every function takes a connection first and leaves the commit to its caller.
"""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
import psycopg
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from psycopg.types.json import Jsonb

from dangol.store.sql import load_queries
from dangol.web.signin.role import Role, role_named

_SQL = load_queries(__package__)
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)  # OWASP's minimum
_NOBODY = _HASHER.hash(secrets.token_hex(16))

SESSION_LASTS = timedelta(days=30)
SESSION_IDLE = timedelta(days=7)
LINK_LASTS = timedelta(hours=1)
_TOUCH_EVERY = timedelta(minutes=5)
_TRY_WINDOW = timedelta(minutes=15)
_TRIES = (8, 40, 60)
"""Tries per 15 minutes: for one address from one caller, from one caller, for one address."""


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A signed-in member at one browser."""

    member_id: UUID
    email: str
    name: str
    role: Role
    locale: str
    csrf_token: str
    token_hash: bytes

    @property
    def actor(self) -> str:
        """How changes by this member are signed."""
        return f"member:{self.member_id}"


def ensure_first_owner(conn: psycopg.Connection, now: datetime, locale: str = "en") -> UUID | None:
    """The oldest owner; made when there is no member at all. None when every owner is disabled."""
    if conn.execute(_SQL.count_members).fetchone()[0] == 0:
        owner = {"email": "owner@localhost", "name": "Owner", "role": "owner", "locale": locale}
        conn.execute(_SQL.add_member, owner | {"id": uuid4(), "now": now})
    row = conn.execute(_SQL.find_owner).fetchone()
    return row[0] if row else None


def create_login_link(
    conn: psycopg.Connection, member_id: UUID, now: datetime, *, valid: timedelta = LINK_LASTS
) -> str:
    """A new token that signs `member_id` in once, within `valid`."""
    token = secrets.token_urlsafe(32)
    values = {"hash": _digest(token), "member": member_id, "now": now, "expires": now + valid}
    conn.execute(_SQL.add_link, values)
    return token


def sign_in_url(base: str, token: str) -> str:
    """Where a one-time link points; opening it asks for one press of a button."""
    return f"{base.rstrip('/')}/sign-in/link/{token}"


def is_link_open(conn: psycopg.Connection, token: str, now: datetime) -> bool:
    """Whether the link would still sign somebody in."""
    row = conn.execute(_SQL.is_link_open, {"hash": _digest(token), "now": now}).fetchone()
    return bool(row[0])


def sign_in_by_link(conn: psycopg.Connection, token: str, now: datetime) -> str | None:
    """Use the link up and return a session token; None when it was used or has expired."""
    row = conn.execute(_SQL.use_link, {"hash": _digest(token), "now": now}).fetchone()
    return _start_session(conn, row[0], now) if row else None


def may_try(conn: psycopg.Connection, email: str, ip: str, now: datetime) -> bool:
    """Count one more try to sign in; False when there were too many of them lately.

    Commit before the password is looked at, so that tries side by side are counted too.
    """
    values = {"email": email[:254], "ip": ip, "since": now - _TRY_WINDOW}
    counts = conn.execute(_SQL.count_attempts, values).fetchone()
    if any(count >= limit for count, limit in zip(counts, _TRIES, strict=True)):
        return False
    record(conn, "visitor", "sign_in_tried", email[:254], now, ip=ip)
    return True


def sign_in_by_password(
    conn: psycopg.Connection, email: str, password: str, now: datetime
) -> str | None:
    """A session token, or None; takes as long for an unknown address as for a wrong password."""
    row = conn.execute(_SQL.find_password, {"email": email.strip().lower()}).fetchone()
    known = row is not None and row[1] is not None
    try:
        _HASHER.verify(row[1] if known else _NOBODY, password)
    except (Argon2Error, InvalidHashError):
        return None
    return _start_session(conn, row[0], now) if known else None


def find_session(conn: psycopg.Connection, token: str, now: datetime) -> Session | None:
    """The session that a cookie names, while it may be used."""
    digest = _digest(token)
    values = {"hash": digest, "now": now, "idle_since": now - SESSION_IDLE}
    row = conn.execute(_SQL.find_session, values).fetchone()
    if row is None:
        return None
    if row[6] < now - _TOUCH_EVERY:
        conn.execute(_SQL.touch_session, {"hash": digest, "now": now})
    return Session(
        member_id=row[0],
        email=row[1],
        name=row[2],
        role=role_named(row[3]),
        locale=row[4],
        csrf_token=row[5],
        token_hash=digest,
    )


def end_session(conn: psycopg.Connection, session: Session) -> None:
    """Sign this browser out."""
    conn.execute(_SQL.end_session, {"hash": session.token_hash})


def is_first_session(conn: psycopg.Connection, session: Session) -> bool:
    """Whether this member has one session only and no password: a desk just opened."""
    return conn.execute(_SQL.is_first_session, {"member": session.member_id}).fetchone()[0]


def change_locale(conn: psycopg.Connection, session: Session, locale: str) -> None:
    """Change the language of one's own desk."""
    conn.execute(_SQL.set_locale, {"id": session.member_id, "locale": locale})


def hash_password(password: str) -> str:
    """What is kept of a password (argon2id)."""
    return _HASHER.hash(password)


def record(
    conn: psycopg.Connection, actor: str, action: str, subject: str, now: datetime, **detail: Any
) -> None:
    """One line of the audit: `actor` did `action` to `subject`."""
    values = {"id": uuid4(), "at": now, "actor": actor, "action": action, "subject": subject}
    conn.execute(_SQL.add_audit, values | {"detail": Jsonb(detail)})


def _start_session(conn: psycopg.Connection, member_id: UUID, now: datetime) -> str:
    token = secrets.token_urlsafe(32)
    values = {
        "hash": _digest(token),
        "member": member_id,
        "csrf": secrets.token_urlsafe(24),
        "now": now,
        "expires": now + SESSION_LASTS,
    }
    conn.execute(_SQL.add_session, values)
    conn.execute(_SQL.sweep, {"before": now})
    return token


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()

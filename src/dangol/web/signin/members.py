"""The team: inviting, changing and shutting out members. The last owner always stays."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg.rows import dict_row

from dangol.errors import InputError, NotFound, Refused
from dangol.store.sql import load_queries
from dangol.web.signin.role import Role
from dangol.web.signin.service import Session, create_login_link, hash_password

_SQL = load_queries(__package__)
_SHORTEST = 10


def list_members(conn: psycopg.Connection) -> list[dict[str, Any]]:
    """Rows of id, email, name, role, locale, has_password, created_at, disabled_at."""
    return conn.cursor(row_factory=dict_row).execute(_SQL.list_members).fetchall()


def get_member(conn: psycopg.Connection, member_id: UUID) -> dict[str, Any]:
    """One row as in `list_members`.

    Raises:
        NotFound: there is no such member.
    """
    row = conn.cursor(row_factory=dict_row).execute(_SQL.find_member, {"id": member_id}).fetchone()
    if row is None:
        raise NotFound()
    return row


def find_door(conn: psycopg.Connection, email: str | None) -> dict[str, Any]:
    """Who gets a new link from the command line: the member of this address, or the first owner.

    Raises:
        NotFound: there is nobody of this address, or the member is shut out.
    """
    for row in list_members(conn):
        wanted = row["role"] == Role.OWNER.word if email is None else row["email"] == email.strip()
        if wanted and row["disabled_at"] is None:
            return row
    raise NotFound("Nobody with this address may sign in; an owner can let them in again.")


def invite_member(
    conn: psycopg.Connection, email: str, name: str, role: Role, now: datetime, *, locale: str
) -> str:
    """Add a member and return the token of a one-time link to hand over, valid for one hour.

    Raises:
        InputError: the address is no address, or is taken.
    """
    row = conn.execute(
        _SQL.add_member,
        {
            "id": uuid4(),
            "email": clean_email(email),
            "name": name.strip()[:100] or clean_email(email),
            "role": role.word,
            "locale": locale,
            "now": now,
        },
    ).fetchone()
    if row is None:
        raise InputError("A member with this e-mail address exists already.")
    return create_login_link(conn, row[0], now)


def change_role(
    conn: psycopg.Connection, member_id: UUID, role: Role, disabled: bool, now: datetime
) -> None:
    """Give a member another role, or shut them out; a shut-out member's sessions end.

    Raises:
        Refused: it would leave no owner.
    """
    get_member(conn, member_id)
    owners = [row[0] for row in conn.execute(_SQL.lock_owners)]
    if owners == [member_id] and (disabled or role is not Role.OWNER):
        raise Refused("This is the only owner; make somebody else an owner first.")
    values = {"id": member_id, "role": role.word, "disabled_at": now if disabled else None}
    conn.execute(_SQL.set_role, values)
    if disabled:
        conn.execute(_SQL.end_sessions_of, {"member": member_id, "except_hash": None})
        conn.execute(_SQL.end_links_of, {"member": member_id})


def change_profile(
    conn: psycopg.Connection, session: Session, name: str, email: str, locale: str
) -> None:
    """Change what members say about themselves.

    Raises:
        InputError: the name is empty, or the address is no address or taken.
    """
    if not name.strip():
        raise InputError("A name is needed, so that others know who wrote.")
    values = {"id": session.member_id, "name": name.strip()[:100], "locale": locale}
    try:
        with conn.transaction():
            conn.execute(_SQL.set_profile, values | {"email": clean_email(email)})
    except psycopg.errors.UniqueViolation:
        raise InputError("Another member has this e-mail address.") from None


def change_password(conn: psycopg.Connection, session: Session, password: str) -> None:
    """Set one's password; every other browser is signed out.

    Raises:
        InputError: it is too short or too long.
    """
    if not _SHORTEST <= len(password) <= 200:
        raise InputError("A password takes {least} to 200 characters.", least=_SHORTEST)
    conn.execute(_SQL.set_password, {"id": session.member_id, "hash": hash_password(password)})
    others = {"member": session.member_id, "except_hash": session.token_hash}
    conn.execute(_SQL.end_sessions_of, others)
    conn.execute(_SQL.end_links_of, {"member": session.member_id})


def list_audit(conn: psycopg.Connection, limit: int = 100) -> list[dict[str, Any]]:
    """What was done lately: at, actor, action, subject, detail."""
    cursor = conn.cursor(row_factory=dict_row)
    return cursor.execute(_SQL.list_audit, {"limit": limit}).fetchall()


def clean_email(email: str) -> str:
    """`email` without spaces around it, in lower case.

    Raises:
        InputError: it is no address.
    """
    cleaned = email.strip().lower()
    local, at, domain = cleaned.rpartition("@")
    if not (at and local and domain) or len(cleaned) > 254 or any(c.isspace() for c in cleaned):
        raise InputError("“{address}” is no e-mail address.", address=cleaned[:60])
    return cleaned

"""`dangol door` lets in who is locked out, and nobody who is shut out."""

import datetime as dt

import psycopg
import pytest

from dangol.cli.door import door
from dangol.errors import NotFound
from dangol.web.signin.members import invite_member
from dangol.web.signin.role import Role
from dangol.web.signin.service import ensure_first_owner, sign_in_by_link

NOW = dt.datetime.now(dt.UTC)


def test_a_locked_out_member_gets_a_door(
    conn: psycopg.Connection, dsn: str, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.setenv("DANGOL_DATABASE_URL", dsn)
    ensure_first_owner(conn, NOW)
    invite_member(conn, "mina@shop.example", "Mina", Role.SUPPORT, NOW, locale="en")
    conn.commit()
    for email in (None, "mina@shop.example"):
        door(email)
        token = capsys.readouterr().out.strip().rpartition("/")[2]
        assert sign_in_by_link(conn, token, dt.datetime.now(dt.UTC))
    conn.execute("update member set disabled_at = now() where name = 'Mina'")
    conn.commit()
    for email in ("mina@shop.example", "nobody@shop.example"):
        with pytest.raises(NotFound):
            door(email)
    assert conn.execute("select count(*) from audit").fetchone() == (2,)

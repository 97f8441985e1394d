"""Letters in the database: versions, previews as anybody, pictures."""

from datetime import UTC, datetime
from uuid import uuid4

import dkim
import msgspec
import psycopg
import pytest
from psycopg.types.json import Jsonb

from dangol.errors import Conflict, InputError, NotFound
from dangol.speak.letter import service
from dangol.speak.letter.content import Variant
from dangol.speak.letter.names import Reader
from dangol.speak.letter.press import Press
from dangol.speak.letter.signing import find_signer, save_signing, stop_signing
from dangol.speak.links.service import find_link, load_links, save_links
from dangol.store.brand import save_brand
from tests.unit.speak.letters import BRAND, KEYRING, letter, postbox, text

NOW = datetime(2026, 3, 5, 9, tzinfo=UTC)
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


def made(conn: psycopg.Connection, **fields: object) -> service.StoredLetter:
    return service.create_letter(conn, "Spring", letter(**fields), by="member:1", now=NOW)


def test_every_version_is_kept(conn: psycopg.Connection) -> None:
    first = made(conn)
    changed = letter(Variant("Other"))
    edit = service.Edit(first.id, 1, "Summer", changed)
    second = service.edit_letter(conn, edit, by="member:2", now=NOW)
    assert (second.version, second.name, second.changed_by) == (2, "Summer", "member:2")
    assert service.get_letter_version(conn, first.id, 1) == letter()
    assert service.get_letter_version(conn, first.id, 2) == changed
    with pytest.raises(Conflict):
        service.edit_letter(conn, edit, by="member:3", now=NOW)
    assert service.get_letter(conn, first.id) == second
    assert service.list_letters(conn) == [second]
    service.archive_letter(conn, first.id, now=NOW)
    assert service.list_letters(conn) == []
    assert service.get_letter_version(conn, first.id, 1) == letter()


def test_missing_letters_are_named(conn: psycopg.Connection) -> None:
    with pytest.raises(NotFound):
        service.get_letter(conn, uuid4())
    with pytest.raises(NotFound):
        service.edit_letter(conn, service.Edit(uuid4(), 1, "x", letter()), by="m", now=NOW)
    with pytest.raises(NotFound):
        service.get_letter_version(conn, uuid4(), 1)
    with pytest.raises(InputError):
        service.create_letter(conn, "  ", letter(), by="m", now=NOW)


def test_preview_as_a_customer_and_as_nobody(conn: psycopg.Connection) -> None:
    save_brand(conn, BRAND, by="test", now=NOW)
    conn.execute(
        "insert into customer (bucket, customer_id, traits, first_seen_at, last_seen_at, created_at,"
        " locale) values (5, 5, %s, %s, %s, %s, 'ko')",
        [Jsonb({"name": "홍길동"}), NOW, NOW, NOW],
    )
    both = letter(
        variants={
            "en": Variant("Hi {{ customer.name | honorific }}", "", (text("x"),)),
            "ko": Variant("{{ customer.name | honorific }}께", "", (text("y"),)),
        }
    )
    named = service.preview(conn, KEYRING, both, customer_id=5)
    assert (named.locale, named.subject) == ("ko", "홍길동 님께")
    assert "y" in named.text
    assert "수신거부" in named.html
    nameless = service.preview(conn, KEYRING, both, locale="en")
    assert (nameless.locale, nameless.subject) == ("en", "Hi there")
    assert nameless.problems == []
    with pytest.raises(NotFound):
        service.preview(conn, KEYRING, both, customer_id=6)


def test_preview_of_a_broken_letter_shows_its_problems(conn: psycopg.Connection) -> None:
    broken = letter(Variant("{{ customer.nobody }}", "", (text("x"),)))
    found = service.preview(conn, KEYRING, broken)
    assert found.html == ""
    assert "unknown_name" in {problem.code for problem in found.problems}
    assert service.preview(conn, KEYRING, letter(variants={})).problems[0].code == "no_variant"


def test_traits_heard_of_may_be_named(conn: psycopg.Connection) -> None:
    save_brand(conn, BRAND, by="test", now=NOW)
    named = letter(Variant("{{ customer.roast }}", "", (text("x"),)))
    assert [problem.code for problem in service.check_letter(conn, named, real=False)] == [
        "unknown_name"
    ]
    conn.execute(
        "insert into catalogue_property (owner, name, type, count, last_at)"
        " values ('', 'roast', 'text', 1, %s)",
        [NOW],
    )
    assert service.check_letter(conn, named, real=False) == []


def test_brand_can_sign_for_itself(conn: psycopg.Connection) -> None:
    assert find_signer(conn, KEYRING) is None
    record = save_signing(conn, KEYRING, "news.haru.example", "d1", by="m", now=NOW)
    assert record.name == "d1._domainkey.news.haru.example"
    signer = find_signer(conn, KEYRING)
    assert signer is not None
    assert signer.record == record.text
    signed = Press(letter(), msgspec.structs.replace(postbox(letter()), signer=signer))
    raw = signed.render(Reader(7, "a@x.example"), NOW)
    assert dkim.verify(raw, dnsfunc=lambda name, timeout=5: record.text.encode())
    stored = str(conn.execute("select value from setting where key = 'dkim'").fetchone())
    assert "PRIVATE" not in stored
    stop_signing(conn, by="m", now=NOW)
    assert find_signer(conn, KEYRING) is None
    for domain, selector in [("x", "d1"), ("x.example\r\n", "d1"), ("x.example", "d 1")]:
        with pytest.raises(InputError):
            save_signing(conn, KEYRING, domain, selector, by="m", now=NOW)


def test_pictures_are_pictures(conn: psycopg.Connection) -> None:
    kept = service.save_picture(conn, "cup.png", PNG, by="m", now=NOW)
    assert service.find_picture(conn, kept) == service.Picture("image/png", PNG)
    assert service.find_picture(conn, uuid4()) is None
    for data in [b"<svg onload=x>", b"<html>", b"", PNG + b"\0" * service.MAX_PHOTO]:
        with pytest.raises(InputError):
            service.save_picture(conn, "x.svg", data, by="m", now=NOW)


def test_links_are_written_once(conn: psycopg.Connection) -> None:
    conn.execute(
        "insert into send (id, kind, message_kind, created_at, created_by)"
        " values (12, 'campaign', 'news', %s, 'm')",
        [NOW],
    )
    links = save_links(conn, 12, letter())
    assert save_links(conn, 12, letter()) == links == load_links(conn, 12)
    assert find_link(conn, 12, 1) == "https://haru.example/a?x=1&y=2"
    assert find_link(conn, 12, 9) is None
    assert load_links(conn, 13) == ()

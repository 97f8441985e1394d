"""Letters of the team: kept in versions, looked at as any customer, checked, with their pictures."""

from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import msgspec
import psycopg
from psycopg.types.json import Jsonb

from dangol.errors import Conflict, InputError, NotFound
from dangol.model.customer import bucket_of
from dangol.speak.letter.check import Problem, check
from dangol.speak.letter.content import Letter, choose_locale, parse_letter
from dangol.speak.letter.names import BRAND_NAMES, Reader, value_of
from dangol.speak.letter.postbox import Postbox
from dangol.speak.letter.press import Press
from dangol.speak.letter.template import Place, TemplateRefused, Vault, names_used, render
from dangol.speak.links.collect import collect_links
from dangol.store.brand import Brand, read_brand
from dangol.store.keyring import Keyring
from dangol.store.sql import load_queries

_SQL = load_queries("dangol.speak.letter")
MAX_PHOTO = 5_000_000
"""Bytes of one picture."""
_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


class StoredLetter(msgspec.Struct, frozen=True):
    """A letter as the desk lists it, at its current version."""

    id: UUID
    name: str
    version: int
    letter: Letter
    changed_at: datetime
    changed_by: str
    archived_at: datetime | None = None


class Edit(msgspec.Struct, frozen=True):
    """What a letter shall become, and the version that the editor had loaded."""

    letter_id: UUID
    version: int
    name: str
    letter: Letter


class Preview(msgspec.Struct, frozen=True):
    """A letter as one person would get it; empty parts where it cannot be rendered."""

    locale: str
    subject: str
    html: str
    text: str
    problems: list[Problem]


class Picture(msgspec.Struct, frozen=True):
    """A file that a browser may show: one of four kinds of picture, never markup."""

    content_type: str
    data: bytes


def create_letter(
    conn: psycopg.Connection, name: str, letter: Letter, *, by: str, now: datetime
) -> StoredLetter:
    """Keep a new letter as its version 1."""
    row = _row(uuid4(), name, letter, by, now) | {"version": 1}
    conn.execute(_SQL.insert_letter, row)
    conn.execute(_SQL.insert_version, row)
    return get_letter(conn, row["id"])


def edit_letter(conn: psycopg.Connection, edit: Edit, *, by: str, now: datetime) -> StoredLetter:
    """Keep the next version of a letter.

    Raises:
        Conflict: somebody else saved a version in the meantime.
        NotFound: there is no such letter.
    """
    row = _row(edit.letter_id, edit.name, edit.letter, by, now)
    row |= {"expected": edit.version, "version": edit.version + 1}
    if conn.execute(_SQL.advance_letter, row).rowcount == 0:
        get_letter(conn, edit.letter_id)
        raise Conflict()
    conn.execute(_SQL.insert_version, row)
    return get_letter(conn, edit.letter_id)


def keep_own_letter(
    conn: psycopg.Connection, letter_id: UUID, name: str, letter: Letter, *, now: datetime
) -> int:
    """The version under which a letter of the program itself is kept; it is in no list.

    A changed text becomes the next version.
    """
    row = _row(letter_id, name, letter, "system", now) | {"version": 1}
    if conn.execute(_SQL.insert_own_letter, row).rowcount:
        conn.execute(_SQL.insert_version, row)
        return 1
    stored = get_letter(conn, letter_id)
    if stored.letter == letter:
        return stored.version
    row |= {"version": stored.version + 1}
    if conn.execute(_SQL.advance_own_letter, row | {"expected": stored.version}).rowcount == 0:
        raise Conflict()
    conn.execute(_SQL.insert_version, row)
    return stored.version + 1


def get_letter(conn: psycopg.Connection, letter_id: UUID) -> StoredLetter:
    """A letter at its current version.

    Raises:
        NotFound: there is none with this id.
    """
    row = conn.execute(_SQL.find_letter, {"id": letter_id}).fetchone()
    if row is None:
        raise NotFound("There is no such letter; it may have been removed.")
    return _stored(row)


def list_letters(conn: psycopg.Connection) -> list[StoredLetter]:
    """Every letter that is not archived, the last changed first."""
    return [_stored(row) for row in conn.execute(_SQL.list_letters)]


def archive_letter(conn: psycopg.Connection, letter_id: UUID, *, now: datetime) -> None:
    """Take a letter out of the list; what was sent with it stays explainable."""
    conn.execute(_SQL.archive_letter, {"id": letter_id, "now": now})


def get_letter_version(conn: psycopg.Connection, letter_id: UUID, version: int) -> Letter:
    """One version of a letter, as it was.

    Raises:
        NotFound: there is no such version.
    """
    row = conn.execute(_SQL.find_version, {"id": letter_id, "version": version}).fetchone()
    if row is None:
        raise NotFound("There is no such version of the letter.")
    return parse_letter(row[0])


def list_traits(conn: psycopg.Connection) -> frozenset[str]:
    """The names of customer traits that letters may use: those that have been heard of."""
    return frozenset(row[0] for row in conn.execute(_SQL.list_trait_names))


def find_reader(conn: psycopg.Connection, customer_id: int) -> Reader | None:
    """A customer as a letter sees them; the address is empty when none is known."""
    where = {"bucket": bucket_of(customer_id), "customer_id": customer_id}
    row = conn.execute(_SQL.find_reader, where).fetchone()
    if row is None:
        return None
    return Reader(row[0], row[1] or "", row[2], row[3], row[4], row[5])


def check_letter(conn: psycopg.Connection, letter: Letter, *, real: bool) -> list[Problem]:
    """Everything that is wrong with a letter as the brand and the catalogue stand now."""
    return check(letter, read_brand(conn), list_traits(conn), real=real)


def preview(
    conn: psycopg.Connection,
    keyring: Keyring,
    letter: Letter,
    *,
    locale: str | None = None,
    customer_id: int | None = None,
    base_url: str = "",
) -> Preview:
    """The letter as a customer would get it, or as someone without a name.

    Its links are signed for send 0, which exists nowhere: they lead nowhere.

    Raises:
        NotFound: there is no such customer.
    """
    brand = read_brand(conn)
    reader = Reader(0, "nobody@example.invalid", {}, locale, None)
    if customer_id is not None:
        found = find_reader(conn, customer_id)
        if found is None:
            raise NotFound("There is no such customer; they may have been merged or erased.")
        reader = msgspec.structs.replace(found, locale=locale or found.locale)
    problems = check(letter, brand, list_traits(conn), real=False)
    chosen = choose_locale(letter, reader.locale, brand.locale) if letter.variants else ""
    if any(problem.blocks and problem.line for problem in problems) or not chosen:
        return Preview(chosen, "", "", "", problems)
    links = collect_links(letter)
    postbox = Postbox(send_id=0, keyring=keyring, brand=brand, links=links, base_url=base_url)
    compiled = Press(letter, postbox).compiled(reader)
    try:
        parts = compiled.subject(reader), compiled.html(reader), compiled.text(reader)
    except TemplateRefused:
        parts = "", "", ""
    return Preview(chosen, *parts, problems)


def show_text(text: str, locale: str, reader: Reader, brand: Brand) -> str:
    """One text of a letter for one person, as on a page that asks its question again.

    Raises:
        TemplateRefused: it cannot be rendered for this person.
    """
    vault = Vault(text)
    source = vault.fill(vault.hide(text, Place.TEXT)).text
    names = names_used(source, locale, "customer")
    values = {
        "customer": {name: value_of(reader, name) for name in names},
        "brand": {name: getattr(brand, name) for name in BRAND_NAMES},
        "link": {},
    }
    return render(source, locale, values)


def save_picture(
    conn: psycopg.Connection, name: str, data: bytes, *, by: str, now: datetime
) -> UUID:
    """Keep a picture and return its id; it is served at `/b/<id>`.

    Raises:
        InputError: it is too large, or no PNG, JPEG, GIF or WebP.
    """
    if len(data) > MAX_PHOTO:
        raise InputError(
            "The picture has {size:,} bytes; letters take pictures up to {most:,}.",
            size=len(data),
            most=MAX_PHOTO,
        )
    kind = _picture_type(data)
    if kind is None:
        raise InputError("This is no picture that mail programs show: use PNG, JPEG, GIF or WebP.")
    row = {
        "id": uuid4(),
        "sha256": sha256(data).digest(),
        "name": name[:200],
        "content_type": kind,
        "size": len(data),
        "data": data,
        "now": now,
        "by": by,
    }
    conn.execute(_SQL.insert_blob, row)
    return row["id"]


def find_picture(conn: psycopg.Connection, picture_id: UUID) -> Picture | None:
    """A picture by its id; None for anything else that is kept as a blob."""
    row = conn.execute(_SQL.find_blob, {"id": picture_id}).fetchone()
    if row is None or not row[0].startswith("image/") or _picture_type(row[1]) is None:
        return None
    return Picture(row[0], row[1])


def _picture_type(data: bytes) -> str | None:
    for signature, kind in _SIGNATURES:
        if data.startswith(signature):
            return kind
    return "image/webp" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else None


def _row(letter_id: UUID, name: str, letter: Letter, by: str, now: datetime) -> dict[str, Any]:
    if not name.strip():
        raise InputError("The letter needs a name, so that the team finds it again.")
    content = Jsonb(msgspec.to_builtins(letter))
    return {"id": letter_id, "name": name.strip()[:200], "content": content, "by": by, "now": now}


def _stored(row: Any) -> StoredLetter:
    return StoredLetter(row[0], row[1], row[2], parse_letter(row[3]), *row[4:])

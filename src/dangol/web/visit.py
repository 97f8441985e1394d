"""One request at the desk, as handlers see it: who, when, what was given, and a connection."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import psycopg

from dangol.errors import DangolError, InputError, NotFound
from dangol.settings import Settings
from dangol.store.brand import read_brand
from dangol.store.journal import Journal
from dangol.store.keyring import Keyring
from dangol.web import words
from dangol.web.signin.role import Role
from dangol.web.signin.service import Session, record


class Upload(msgspec.Struct, frozen=True):
    """A file that came with a form, already on disk."""

    name: str
    path: Path
    size: int


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """What a request carried, in plain types."""

    method: str
    path: str
    parts: Mapping[str, str] = {}
    query: Mapping[str, list[str]] = {}
    form: Mapping[str, list[str]] = {}
    uploads: Mapping[str, Upload] = {}
    ip: str = ""
    is_htmx: bool = False
    base_url: str = ""
    accept_language: str = ""


class Visit(msgspec.Struct, kw_only=True):
    """Everything a desk handler may use; `conn` is in the one transaction of this request."""

    conn: psycopg.Connection
    now: datetime
    settings: Settings
    keyring: Keyring
    journal: Journal
    given: Given
    session: Session | None = None
    locale: str = words.FALLBACK

    @property
    def member(self) -> Session:
        """The signed-in member; handlers behind a role always have one."""
        if self.session is None:
            raise NotFound()
        return self.session

    @property
    def by(self) -> str:
        """How changes of this visit are signed."""
        return self.member.actor

    @property
    def base_url(self) -> str:
        """Where links to this desk lead: the verified public address, else where the visitor is.

        A request may claim any host, and a link with a token must not go where that says.
        """
        brand = read_brand(self.conn)
        return (brand.public_url if brand.public_url_verified_at else self.given.base_url).rstrip(
            "/"
        )

    def may(self, role: Role) -> bool:
        """Whether the visitor's role includes `role`."""
        return self.session is not None and self.session.role >= role

    def t(self, key: str, /, **values: object) -> str:
        """Words in the visitor's language."""
        return words.text(self.locale, key, **values)

    def say(self, error: DangolError) -> str:
        """What went wrong, in the visitor's language."""
        return words.sentence(self.locale, error.sentence, error.values)

    def query(self, name: str, default: str = "") -> str:
        """The last value of a query parameter."""
        return self.given.query.get(name, [default])[-1]

    def form(self, name: str, default: str = "") -> str:
        """The last value of a form field, without spaces around it."""
        return self.given.form.get(name, [default])[-1].strip()

    def part(self, name: str) -> str:
        """A piece of the path."""
        return self.given.parts[name]

    def id(self, name: str = "id") -> UUID:
        """A piece of the path as an id.

        Raises:
            NotFound: it is no id, so there is no such thing.
        """
        try:
            return UUID(self.given.parts[name])
        except ValueError:
            raise NotFound() from None

    def uuid_field(self, name: str) -> UUID | None:
        """A form field as an id; None when it is empty.

        Raises:
            InputError: it is no id.
        """
        text = self.form(name)
        try:
            return UUID(text) if text else None
        except ValueError:
            raise InputError(self.t("form.choose")) from None

    def number(self, name: str) -> int:
        """A piece of the path as a number; NotFound when it is none."""
        text = self.given.parts[name]
        if not (text.isascii() and text.isdigit() and len(text) <= 18):
            raise NotFound()
        return int(text)

    def integer(self, name: str, default: int, *, low: int, high: int) -> int:
        """A form field as a whole number.

        Raises:
            InputError: it is no number between `low` and `high`.
        """
        text = self.form(name).replace(",", "")
        if text == "":
            return default
        if not (text.isascii() and text.isdigit() and low <= int(text[:12]) <= high):
            raise InputError(self.t("form.number_range", low=low, high=high))
        return int(text)

    def record(self, action: str, subject: object, **detail: Any) -> None:
        """Note in the audit what this member did."""
        record(self.conn, self.by, action, str(subject), self.now, **detail)

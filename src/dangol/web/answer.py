"""What a desk handler gives back: a page, another address, a file, or a document for a frame."""

from typing import Any

import msgspec


class Page(msgspec.Struct, frozen=True):
    """A template with its values; with a status of 400 or more nothing is committed."""

    template: str
    values: dict[str, Any] = {}
    status: int = 200


class Move(msgspec.Struct, frozen=True):
    """Go to `url` after something was done; `said` is a key of the words, shown there once."""

    url: str
    said: str = ""
    values: dict[str, Any] = {}


class Download(msgspec.Struct, frozen=True):
    """A file to keep."""

    body: bytes
    name: str
    content_type: str = "text/csv; charset=utf-8"


class Document(msgspec.Struct, frozen=True):
    """Foreign HTML, shown in a sandboxed frame: no scripts, nothing fetched from elsewhere."""

    html: str


class SignedIn(msgspec.Struct, frozen=True):
    """A new session begins; `token` goes into its cookie."""

    token: str
    url: str


class SignedOut(msgspec.Struct, frozen=True):
    """The session has ended."""

    url: str


Answer = Page | Move | Download | Document | SignedIn | SignedOut

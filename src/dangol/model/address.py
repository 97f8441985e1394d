"""How an address is written down, so that the same mailbox is always the same text."""

import re
import unicodedata

_LOCAL = re.compile(r"[^\s@\x00-\x1f\x7f,;<>()\[\]\"\\]{1,64}")
_DOMAIN = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")


def normalise_email(text: object) -> str | None:
    """The one way we write this e-mail address, or None when it is none.

    Stripped, NFC, lower case, the domain in its ASCII form (IDNA). Only a plain
    `local@domain.tld` passes: no display name, no quotes, no control characters.

    >>> normalise_email(" Hong.Gildong@Example.COM ")
    'hong.gildong@example.com'
    >>> normalise_email("kim@카페.example")
    'kim@xn--ob7b27g.example'
    >>> normalise_email("no address") is None
    True
    """
    if not isinstance(text, str) or len(text) > 400:
        return None
    local, at, domain = _folded(text.strip()).rpartition("@")
    try:
        domain = domain.encode("idna").decode("ascii")
    except UnicodeError:
        return None
    if not at or not _LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(domain):
        return None
    return f"{local}@{domain}"


def _folded(text: str) -> str:
    """Lower case and NFC; composed again at the end, since lower case of a capital with a mark
    that has no letter of its own may have one."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower())

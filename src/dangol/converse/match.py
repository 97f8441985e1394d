"""Whose answer is it? What a mail offers to be recognised by, in the order of trust."""

import re
from typing import NamedTuple

from dangol.converse.mail import Mail
from dangol.store.keyring import Keyring
from dangol.store.token import unseal

REPLY, UNSUBSCRIBE = "r", "u"
BOUNCE_PREFIX = "b"
"""The envelope sender of our mail is `b+` and the reply token."""

_PLUS = re.compile(r"([rbu])\+([a-z2-7]{20,80})@", re.IGNORECASE)
_OWN_ID = re.compile(r"<([a-z2-7]{20,80})@[^<>\s]+>", re.IGNORECASE)
_PREFIXES = re.compile(
    r"^(?:(?:re|fw|fwd|aw|sv|회신|답장|전달|답신)\s*(?:\[\d+\])?\s*[:：]\s*)+", re.IGNORECASE
)


class Origin(NamedTuple):
    """The message of ours that a mail answers."""

    send_id: int
    customer_id: int


def token_origin(mail: Mail, keyring: Keyring) -> tuple[str, Origin] | None:
    """The genuine token in any recipient address: its letter (r, b or u) and what it names."""
    for address in mail.recipients:
        found = read_address(address, keyring)
        if found:
            return found
    return None


def read_address(address: str, keyring: Keyring) -> tuple[str, Origin] | None:
    """What a recipient address of ours names; None where it is another's or forged."""
    found = _PLUS.match(address)
    if not found:
        return None
    letter = found.group(1).lower()
    kind = UNSUBSCRIBE if letter == UNSUBSCRIBE else REPLY
    numbers = unseal(keyring, kind, found.group(2).lower())
    if numbers is None or len(numbers) != 2:
        return None
    return letter, Origin(*numbers)


def own_message(header_id: str, keyring: Keyring) -> Origin | None:
    """What one of our Message-IDs names; None where it is another's or forged."""
    found = _OWN_ID.fullmatch(header_id)
    numbers = unseal(keyring, REPLY, found.group(1).lower()) if found else None
    return Origin(*numbers) if numbers and len(numbers) == 2 else None


def named_ids(mail: Mail) -> tuple[str, ...]:
    """Message-IDs that the mail says it answers: In-Reply-To, then References newest first."""
    first = (mail.in_reply_to,) if mail.in_reply_to else ()
    return tuple(dict.fromkeys(first + tuple(reversed(mail.references))))


def bare_subject(subject: str) -> str:
    """The subject without Re:, Fwd:, 회신: and the like, in lower case.

    >>> bare_subject("Re: 회신: RE[2]: 새 원두")
    '새 원두'
    """
    return " ".join(_PREFIXES.sub("", subject.strip()).split()).lower()

"""How Route hears mail: `engine.hearers` makes one per process."""

from collections.abc import Callable, Sequence
from datetime import datetime

import psycopg

from dangol.converse.service import Receiver
from dangol.listen.heard import IntakeRow, Parsed
from dangol.store.journal import Journal
from dangol.store.keyring import Keyring


def make_hearer(
    keyring: Keyring, journal: Journal
) -> Callable[[psycopg.Connection, Sequence[IntakeRow], datetime], Parsed]:
    """The hearer of intake kind `mail`; rows' meta holds the envelope (mail_from, rcpt)."""
    return Receiver(keyring, journal).hear

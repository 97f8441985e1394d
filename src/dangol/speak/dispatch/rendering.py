"""From handed rows to mail: one renderer per kind of send.

A renderer prepares a batch where the database is at hand, and then gives each message when a
connection asks for it, so that no more than what is in flight is held as bytes.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec
import psycopg

from dangol.errors import DangolError
from dangol.settings import Settings
from dangol.speak.channel.email.mail import Mail
from dangol.speak.letter.names import Reader
from dangol.speak.letter.postbox import Postbox
from dangol.speak.letter.press import Press
from dangol.speak.letter.run import PrintRun
from dangol.speak.letter.service import get_letter_version
from dangol.speak.letter.signing import find_signer
from dangol.speak.links.service import load_links
from dangol.speak.outbox.handoff import Handed
from dangol.store.brand import read_brand
from dangol.store.keyring import Keyring

Write = Callable[[int, datetime], Mail]
"""The mail of one row of the batch, dated; raises DangolError when this one cannot be written."""
Renderer = Callable[[psycopg.Connection, Handed], Write]
"""Prepares a batch."""

_CACHED = 32
_RUN = 256
"""Letters whose tokens are sealed together, when the first of them is asked for."""


class LetterRenderer:
    """Letters: compiled once per send, rendered per person."""

    def __init__(self, settings: Settings, keyring: Keyring) -> None:
        self._settings = settings
        self._keyring = keyring
        self._presses: OrderedDict[int, tuple[Press, str]] = OrderedDict()

    def __call__(self, conn: psycopg.Connection, batch: Handed) -> Write:
        """Compile the send's letter, or take the one compiled before."""
        press, reply_domain = self._press(conn, batch)
        runs: dict[int, PrintRun] = {}

        def write(row: int, at: datetime) -> Mail:
            number, place = divmod(row, _RUN)
            run = runs.get(number)
            if run is None:
                runs.clear()  # rows are asked for in order: what is behind is done with
                rows = range(number * _RUN, min(len(batch), (number + 1) * _RUN))
                run = runs[number] = PrintRun(press, [_reader(batch, one) for one in rows])
            sender = _envelope_sender(run.reply_token(place), reply_domain)
            return Mail(sender, batch.address[row], run.render(place, at), is_wire_form=True)

        return write

    def forget(self) -> None:
        """Compile anew: the brand may have changed."""
        self._presses.clear()

    def _press(self, conn: psycopg.Connection, batch: Handed) -> tuple[Press, str]:
        send = batch.send
        found = self._presses.get(send.id)
        if found is None:
            found = self._compile(conn, batch)
            self._presses[send.id] = found
            if len(self._presses) > _CACHED:
                self._presses.popitem(last=False)
        return found

    def _compile(self, conn: psycopg.Connection, batch: Handed) -> tuple[Press, str]:
        send = batch.send
        if send.letter_id is None or send.letter_version is None:
            raise DangolError("Send {send} has no letter.", send=send.id)
        brand = read_brand(conn)
        letter = get_letter_version(conn, send.letter_id, send.letter_version)
        links = load_links(conn, send.id)
        base_url = brand.public_url or f"http://{self._settings.host}:{self._settings.port}"
        postbox = Postbox(
            send_id=send.id,
            keyring=self._keyring,
            brand=brand,
            links=links,
            base_url=base_url,
            signer=find_signer(conn, self._keyring),
        )
        return Press(letter, postbox), brand.reply_domain or brand.sender_email


def _reader(batch: Handed, row: int) -> Reader:
    traits = batch.traits[row]
    return Reader(
        customer_id=batch.customer_id[row],
        address=batch.address[row],
        traits=msgspec.json.decode(traits) if traits else {},
        locale=batch.locale[row],
        country=batch.country[row],
        stage=batch.stage[row],
    )


def _envelope_sender(token: str, reply_domain: str) -> str:
    """Where bounces go: to our receiver with the message's token, else to the sender's mailbox."""
    if "@" in reply_domain or not reply_domain:
        return reply_domain
    return f"b+{token}@{reply_domain}"


def renderers_for(
    settings: Settings, keyring: Keyring, others: Mapping[str, Renderer]
) -> dict[str, Renderer]:
    """A renderer per kind of send; `others` comes from packages that build on this one."""
    letters = LetterRenderer(settings, keyring)
    return {"campaign": letters, "test": letters, "system": letters} | dict(others)

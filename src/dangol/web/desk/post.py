"""Signing what leaves (DKIM) and fetching answers from a mailbox elsewhere (IMAP)."""

from typing import Any

from dangol.converse import imap
from dangol.errors import InputError
from dangol.speak.letter import signing
from dangol.store.keyring import KeyringError
from dangol.web.answer import Answer, Move
from dangol.web.desk import sending
from dangol.web.visit import Visit

_SENDING = "/settings/sending"


def sign(visit: Visit) -> Answer:
    """Make a key; the page then shows the DNS record to publish."""
    domain = visit.form("domain").lower().strip(".")
    try:
        signing.save_signing(
            visit.conn,
            visit.keyring,
            domain,
            visit.form("selector", "dangol").lower(),
            by=visit.by,
            now=visit.now,
        )
    except InputError as error:
        return sending.page(visit, visit.say(error))
    visit.record("signing_begun", domain)
    return Move(_SENDING, "signing.saved")


def stop_signing(visit: Visit) -> Answer:
    """Sign no more."""
    signing.stop_signing(visit.conn, by=visit.by, now=visit.now)
    visit.record("signing_stopped", "")
    return Move(_SENDING, "signing.stopped")


def save_mailbox(visit: Visit) -> Answer:
    """Fetch answers from this mailbox from now on."""
    try:
        config = _mailbox_of(visit)
    except InputError as error:
        return sending.page(visit, visit.say(error))
    imap.save_config(visit.conn, visit.keyring, config, by=visit.by, now=visit.now)
    visit.record("imap_saved", config.host)
    return Move(_SENDING, "imap.saved")


def stop_mailbox(visit: Visit) -> Answer:
    """Fetch no more; the password is forgotten."""
    imap.stop_polling(visit.conn, by=visit.by, now=visit.now)
    visit.record("imap_stopped", "")
    return Move(_SENDING, "imap.stopped")


def post_values(visit: Visit) -> dict[str, Any]:
    """What the two cards on the page about sending show."""
    values: dict[str, Any] = {"dns": None, "mailbox": None, "sealed": ""}
    try:
        values["dns"] = signing.find_record(visit.conn, visit.keyring)
        values["mailbox"] = imap.find_config(visit.conn, visit.keyring)
    except KeyringError as error:
        values["sealed"] = visit.say(error)
    return values


def _mailbox_of(visit: Visit) -> imap.ImapConfig:
    host, user = visit.form("imap_host"), visit.form("imap_user")
    password = visit.given.form.get("imap_password", [""])[-1]
    if not password:
        known = imap.find_config(visit.conn, visit.keyring)
        password = known.password if known and (known.host, known.user) == (host, user) else ""
    if not (host and user and password) or any(char.isspace() for char in host):
        raise InputError(visit.t("imap.incomplete"))
    return imap.ImapConfig(
        host=host,
        port=visit.integer("imap_port", 993, low=1, high=65535),
        user=user,
        folder=visit.form("imap_folder") or "INBOX",
        password=password,
    )

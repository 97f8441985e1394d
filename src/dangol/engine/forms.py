"""What people send by our own pages: a subscription that its address has confirmed.

Body: `{"form": "subscribe", "email", "locale"?, "name"?, "topic"?, "referrer_id"?,
"confirmed_at", "evidence"}`. It becomes facts of whoever has the address: what they said about
themselves, their consent, and who sent them.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
import psycopg

from dangol.engine.route import Hearer
from dangol.listen.heard import Heard, IntakeRow, Parsed, Rejected
from dangol.model.address import normalise_email
from dangol.model.consent import ALL_TOPICS, ConsentState
from dangol.model.event import EventName, event_key
from dangol.model.message import Channel
from dangol.model.reason import RejectReason
from dangol.store.journal import Journal
from dangol.store.keyring import Keyring


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """A confirmed subscription, as the page appended it."""

    form: Literal["subscribe"]
    email: str
    confirmed_at: datetime
    evidence: dict[str, Any] = {}
    locale: str | None = None
    name: str | None = None
    topic: str = ALL_TOPICS
    referrer_id: int | None = None
    """The customer whose link led here."""


def make_hearer(keyring: Keyring, journal: Journal) -> Hearer:
    """The hearer of intake kind `form`; it needs neither keys nor journal, Live has both."""
    return hear_forms


def hear_forms(conn: psycopg.Connection, rows: Sequence[IntakeRow], now: datetime) -> Parsed:
    """Each row's facts; a row that is no confirmed subscription is refused."""
    events: list[Heard] = []
    rejects: list[Rejected] = []
    for row in rows:
        heard = hear_form(row)
        if isinstance(heard, Rejected):
            rejects.append(heard)
        else:
            events += heard
    return Parsed(events, rejects)


def hear_form(row: IntakeRow) -> list[Heard] | Rejected:
    """The facts of one confirmed subscription, or why it is none. Pure."""
    try:
        said = msgspec.json.decode(row.body, type=Subscription)
    except (msgspec.DecodeError, ValueError) as error:
        return Rejected(RejectReason.INVALID_JSON, str(error), row.body, row.source)
    email = normalise_email(said.email)
    if email is None or said.confirmed_at.tzinfo is None:
        detail = "It needs an e-mail address and the instant at which that was confirmed."
        return Rejected(RejectReason.BAD_VALUE, detail, row.body, row.source)
    traits = {"email": email, "locale": said.locale, "name": said.name}
    evidence = said.evidence | {"confirmed_at": said.confirmed_at.isoformat()}
    consent = {
        "channel": Channel.EMAIL,
        "topic": said.topic,
        "state": ConsentState.GRANTED,
        "actor": "customer",
        "source": "form",
        "evidence": evidence,
    }
    stated = {name: value for name, value in traits.items() if value}
    facts = [
        _heard(row, said, email, EventName.PROFILE_UPDATED, stated),
        _heard(row, said, email, EventName.CONSENT_CHANGED, consent),
    ]
    if said.referrer_id is not None:
        by = {"by": str(said.referrer_id)}
        facts.append(_heard(row, said, email, EventName.REFERRAL_USED, by))
    return facts


def _heard(
    row: IntakeRow, said: Subscription, email: str, name: str, props: dict[str, Any]
) -> Heard:
    return Heard(
        key=event_key("dangol", f"form:{row.id}:{name}").hex,
        name=name,
        time=said.confirmed_at,
        received_at=row.received_at,
        props=props,
        source=row.source,
        email=email,
    )

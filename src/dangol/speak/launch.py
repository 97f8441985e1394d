"""Launching: the campaign's own rules, the letter's content and the sender, checked together."""

from datetime import datetime
from uuid import UUID

import msgspec
import psycopg

from dangol.decide.campaign.model import LaunchProblem
from dangol.decide.campaign.sends import NewSend, create_send, queue_message
from dangol.decide.campaign.service import (
    LetterFacts,
    get_campaign,
    launch,
    list_launch_problems,
)
from dangol.errors import NotFound, Refused
from dangol.model.message import MessageKind
from dangol.settings import Settings
from dangol.speak.channel.config import active_channel
from dangol.speak.letter.check import Problem
from dangol.speak.letter.service import check_letter, get_letter
from dangol.speak.links.service import save_links
from dangol.store.keyring import Keyring


class Readiness(msgspec.Struct, frozen=True):
    """What stands against a launch, and what is only advice."""

    campaign: list[LaunchProblem]
    letter: list[Problem]

    @property
    def may_launch(self) -> bool:
        """Whether nothing stands against it."""
        return not self.campaign and not any(problem.blocks for problem in self.letter)


def check_campaign(
    conn: psycopg.Connection,
    settings: Settings,
    keyring: Keyring,
    campaign_id: UUID,
    now: datetime,
) -> Readiness:
    """Everything that is wrong with a campaign at `now`."""
    campaign = get_campaign(conn, campaign_id)
    problems = list_launch_problems(conn, campaign, now)
    if campaign.letter_id is None:
        return Readiness(problems, [])
    is_real = not active_channel(conn, keyring, settings).is_practice
    try:
        letter = get_letter(conn, campaign.letter_id)
    except NotFound:
        return Readiness([*problems, LaunchProblem.NO_LETTER], [])
    return Readiness(problems, check_letter(conn, letter.letter, real=is_real))


def launch_campaign(
    conn: psycopg.Connection,
    settings: Settings,
    keyring: Keyring,
    campaign_id: UUID,
    *,
    by: str,
    now: datetime,
) -> int:
    """Check a draft and set it on its way; returns the number of its send.

    Raises:
        Refused: `check_campaign` lists why.
    """
    readiness = check_campaign(conn, settings, keyring, campaign_id, now)
    if not readiness.may_launch:
        codes = [*readiness.campaign, *(one.code for one in readiness.letter if one.blocks)]
        raise Refused(
            "The campaign cannot start: {problems}.", problems=", ".join(dict.fromkeys(codes))
        )
    campaign = get_campaign(conn, campaign_id)
    assert campaign.letter_id is not None
    stored = get_letter(conn, campaign.letter_id)
    kind, topic = stored.letter.kind, stored.letter.topic
    facts = LetterFacts(version=stored.version, kind=kind, topic=topic)
    send_id = launch(conn, campaign_id, facts, by=by, now=now)
    save_links(conn, send_id, stored.letter)
    return send_id


def send_test(
    conn: psycopg.Connection,
    letter_id: UUID,
    address: str,
    *,
    as_customer: int = 0,
    locale: str | None = None,
    by: str,
    now: datetime,
) -> int:
    """Send a letter to a colleague, written as if to customer `as_customer` (0: nobody known)."""
    stored = get_letter(conn, letter_id)
    new = NewSend(
        kind="test",
        message_kind=MessageKind(stored.letter.kind),
        topic=stored.letter.topic,
        letter_id=letter_id,
        letter_version=stored.version,
    )
    send_id = create_send(conn, new, by=by, now=now)
    save_links(conn, send_id, stored.letter)
    queue_message(conn, send_id, as_customer, now=now, locale=locale, address=address)
    return send_id

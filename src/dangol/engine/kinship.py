"""What follows when ids turn out to be one person: facts to tell, and what goes to the winner."""

from datetime import datetime

import psycopg

from dangol.converse.keeping import move_conversations
from dangol.decide.campaign.sends import silence_customer
from dangol.engine.inbox import OwnFact
from dangol.know.giving.referral import move_referrals
from dangol.know.identity.resolve import Resolved
from dangol.know.notes.service import move_notes
from dangol.model.event import Cause, EventName
from dangol.model.reason import SilentReason


def own_facts(resolved: Resolved) -> list[OwnFact]:
    """Every change of who is who, as events of the customer it concerns."""
    linked = [
        OwnFact(
            name=EventName.IDENTITY_LINKED,
            ref=f"link:{link.kind}:{link.value}:{link.customer_id}",
            customer_id=link.customer_id,
            props={"kind": link.kind, "value": link.value},
            cause=Cause.BEHAVIOUR,
        )
        for link in resolved.linked
    ]
    merged = [
        OwnFact(
            name=EventName.CUSTOMERS_MERGED,
            ref=f"merge:{merge.loser_id}:{merge.winner_id}",
            customer_id=merge.winner_id,
            props={"loser_id": merge.loser_id, "reason": "identity"},
            cause=Cause.MERGE,
        )
        for merge in resolved.merges
    ]
    return linked + merged


def follow_merges(conn: psycopg.Connection, resolved: Resolved, now: datetime) -> None:
    """What was queued for a loser is not sent, the winner may have its own; its talks and notes go along."""
    for merge in resolved.merges:
        silence_customer(conn, merge.loser_id, SilentReason.MERGED, now)
        move_conversations(conn, merge.loser_id, merge.winner_id)
        move_notes(conn, merge.loser_id, merge.winner_id)
        move_referrals(conn, merge.loser_id, merge.winner_id)

"""Two customers turn out to be one person: everything that decides about them moves at once.

The histories follow later (a `merge_task` each); until then nothing is lost, because readers
find the loser's events where they are and Live forwards what still arrives for it. Cancelling
the loser's queued messages is up to the caller, who knows about messages.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
import psycopg

from dangol.know.consent.merge import merge_consents
from dangol.know.profile.derive import derive
from dangol.know.profile.fold import Folded, Statement, fold
from dangol.model.customer import bucket_of, merge_key
from dangol.store.sql import load_queries

_SQL = load_queries(__package__)


class Merge(msgspec.Struct, frozen=True):
    """`loser_id` is the same person as `winner_id`, who remains."""

    loser_id: int
    winner_id: int


class _Side(msgspec.Struct):
    """What is known of a customer that takes part in a merge."""

    traits: dict[str, Any]
    stamps: dict[str, str]
    first_seen_at: datetime
    last_seen_at: datetime


def merge_customers(conn: psycopg.Connection, merges: Sequence[Merge], now: datetime) -> None:
    """Move identities, profile, consent and relationship days of each loser to its winner.

    In the caller's transaction, which holds the identity lock. No winner may be a loser of the
    same call.
    """
    if not merges:
        return
    sides = _lock(conn, merges)
    folds = msgspec.json.encode(_fold(merges, sides)).decode()
    args = {"pairs": _encode(merges), "folds": folds, "now": now}
    for statement in (
        *(_SQL.move_identities, _SQL.mark_losers, _SQL.redirect_losers),
        *(_SQL.redirect_tasks, _SQL.insert_tasks),
        *(_SQL.join_days, _SQL.drop_days, _SQL.drop_stages),
        *(_SQL.join_profiles, _SQL.drop_old_addresses),
        *(_SQL.join_contact_points, _SQL.drop_contact_points),
    ):
        conn.execute(statement, args)
    answered = {row[0] for row in conn.execute(_SQL.find_with_answers, args)}
    for merge in sorted(merges, key=lambda merge: (bucket_of(merge.winner_id), merge.winner_id)):
        if merge.loser_id in answered:
            merge_consents(conn, merge.loser_id, merge.winner_id, now)


def _lock(conn: psycopg.Connection, merges: Sequence[Merge]) -> dict[int, _Side]:
    ids = sorted({customer for merge in merges for customer in (merge.loser_id, merge.winner_id)})
    rows = conn.execute(_SQL.lock_customers, {"ids": ids}).fetchall()
    return {row[0]: _Side(*row[1:5]) for row in rows}


def _fold(merges: Sequence[Merge], sides: Mapping[int, _Side]) -> list[dict[str, Any]]:
    """Each winner's profile with those of its losers folded in, trait by trait, by stamp."""
    winners: dict[int, _Side] = {}
    for merge in merges:
        loser = sides[merge.loser_id]
        winner = winners.setdefault(merge.winner_id, sides[merge.winner_id])
        folded = fold(
            Folded(winner.traits, winner.stamps), statements_of(loser.traits, loser.stamps)
        )
        winner.traits, winner.stamps = folded.traits, folded.stamps
        winner.first_seen_at = min(winner.first_seen_at, loser.first_seen_at)
        winner.last_seen_at = max(winner.last_seen_at, loser.last_seen_at)
    return [_row(customer_id, side) for customer_id, side in winners.items()]


def statements_of(traits: Mapping[str, Any], stamps: Mapping[str, str]) -> list[Statement]:
    """A folded profile as the statements that made it; an unset trait states null."""
    return [Statement(stamp, {name: traits.get(name)}) for name, stamp in stamps.items()]


def _row(customer_id: int, side: _Side) -> dict[str, Any]:
    derived = derive(side.traits)
    return {
        "bucket": bucket_of(customer_id),
        "customer_id": customer_id,
        "traits": side.traits,
        "trait_stamps": side.stamps,
        "email": derived.email,
        "search": derived.search,
        "locale": derived.locale,
        "country": derived.country,
        "zone": derived.zone,
        "zone_source": derived.zone_source,
        "first_seen_at": side.first_seen_at,
        "last_seen_at": side.last_seen_at,
    }


def _encode(merges: Sequence[Merge]) -> str:
    rows = [merge_key(merge.loser_id, merge.winner_id) for merge in merges]
    return msgspec.json.encode(rows).decode()

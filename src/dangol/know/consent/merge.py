"""Two customers become one: the stricter answer of both holds for the winner."""

from datetime import datetime
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from dangol.know.attention.store import SQL as ATTENTION
from dangol.know.consent.fold import answers
from dangol.know.consent.service import list_ledger
from dangol.know.consent.store import SQL, stage
from dangol.model.consent import ConsentChange
from dangol.model.customer import merge_key
from dangol.model.event import event_key
from dangol.model.message import Channel


def stricter(
    winner: dict[str, ConsentChange], loser: dict[str, ConsentChange]
) -> dict[str, tuple[ConsentChange, datetime]]:
    """Per topic the stricter of two answers, and the later of both times. Pure.

    One's silence about a topic counts as less strict than anything said; of two pauses the
    longer one holds.
    """
    joined = {}
    for topic in sorted({*winner, *loser}):
        said = [side[topic] for side in (winner, loser) if topic in side]
        held = max(said, key=lambda one: (one.state.strictness, one.evidence.get("until_s", 0)))
        joined[topic] = (held, max(one.time for one in said))
    return joined


def merge_consents(conn: psycopg.Connection, loser_id: int, winner_id: int, now: datetime) -> None:
    """Write the stricter answers to the winner, who also takes over the loser's ledger.

    Runs inside the caller's transaction, that of the merge; safe to repeat.
    """
    args = merge_key(loser_id, winner_id)
    handed: dict[str, list[datetime]] = {}
    for channel, times in conn.execute(SQL.lock_pair, args).fetchall():
        handed.setdefault(channel, []).extend(times)
    sides = [list_ledger(conn, customer_id) for customer_id in (winner_id, loser_id)]
    rows = []
    for channel in Channel:
        held = [answers(one for one in side if one.channel is channel) for side in sides]
        rows += [_row(args, one, now) for one in stricter(*held).values()]
        times = sorted(handed.get(channel, []))
        conn.execute(SQL.join_counters, args | {"channel": channel, "handed_at": times})
    conn.execute(SQL.clear_counters, args)
    conn.execute(ATTENTION.join_ledgers, args | {"now": now})
    stage(conn, rows)
    conn.execute(SQL.copy_ledger, args)
    conn.execute(SQL.add_to_ledger)
    conn.execute(SQL.fold_states)


def _row(args: dict[str, int], held: tuple[ConsentChange, datetime], now: datetime) -> dict:
    change, time = held
    said = f"merge:{args['loser_id']}:{args['winner_id']}:{change.channel}:{change.topic}"
    evidence: dict[str, Any] = change.evidence | {"merged": args["loser_id"]}
    return {
        "bucket": args["winner_bucket"],
        "customer_id": args["winner_id"],
        "id": event_key("dangol", said),
        "channel": change.channel,
        "topic": change.topic,
        "state": change.state,
        "time": time,
        "recorded_at": now,
        "actor": "system",
        "source": "merge",
        "evidence": Jsonb(evidence),
    }

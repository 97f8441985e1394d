"""Before the launch: exactly how many would get it, and why everyone else would not."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime

import msgspec
import numpy as np
import psycopg

from dangol.decide.campaign.planning import Members, chunks_of
from dangol.decide.guard.facts import Occasion, people_facts
from dangol.decide.guard.judge import ALLOWED, DEFERRED, judge
from dangol.decide.guard.rules import Rules
from dangol.decide.guard.store import FACTS, find_sharers, load_people, prefer_key_lookups
from dangol.model.reason import SilentReason


class AudienceCount(msgspec.Struct, frozen=True, kw_only=True):
    """Everyone of the audience, once: `people` = `reached` + `waiting` + all of `left_out`."""

    people: int
    reached: int
    """Who would get it if it went out at that moment."""
    waiting: int
    """Who would get it after the quiet hours."""
    left_out: dict[str, int]
    """By SilentReason."""


def count_audience(
    conn: psycopg.Connection,
    members: Members,
    occasion: Occasion,
    rules: Rules,
    now: datetime,
    progress: Callable[[int], None] | None = None,
) -> AudienceCount:
    """Ask the guard about everyone, as the hand-off will; writes nothing.

    `progress` hears how many people were asked so far.
    """
    prefer_key_lookups(conn)
    left_out: Counter[str] = Counter()
    taken: set[bytes] = set()
    reached = waiting = done = 0
    for chunk in chunks_of(members):
        keys = (chunk.bucket.tolist(), chunk.customer_id.tolist())
        rows = load_people(conn, *keys, topic=occasion.topic, now=now)
        verdicts = judge(people_facts([row[:FACTS] for row in rows]), occasion, rules, now)
        codes, outcome = verdicts.code, verdicts.outcome.copy()
        may = np.flatnonzero(_passes_planning(conn, rows, occasion, rules, now)).tolist()
        sharers = find_sharers(conn, [keys[0][i] for i in may], [keys[1][i] for i in may])
        for i in may:
            if rows[i][0] in sharers and rows[i][18] in taken:
                codes[i], outcome[i] = SilentReason.SHARED_ADDRESS.value, -1
            elif rows[i][0] in sharers:
                taken.add(rows[i][18])
        reached += int((outcome == ALLOWED).sum())
        waiting += int((outcome == DEFERRED).sum())
        left_out.update(codes[(outcome != ALLOWED) & (outcome != DEFERRED)].tolist())
        done += len(rows)
        if progress is not None:
            progress(done)
    counts = dict(sorted(left_out.items()))
    return AudienceCount(people=done, reached=reached, waiting=waiting, left_out=counts)


def _passes_planning(
    conn: psycopg.Connection, rows: list, occasion: Occasion, rules: Rules, now: datetime
) -> np.ndarray:
    planned = msgspec.structs.replace(occasion, plans_only=True)
    people = people_facts([row[:FACTS] for row in rows])
    return judge(people, planned, rules, now).outcome == ALLOWED

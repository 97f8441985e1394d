"""Before the launch: exactly how many would get it, and why everyone else would not."""

from collections import Counter
from collections.abc import Callable, Iterator
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


REACHED, WAITING = "reached", "waiting"
"""The groups of an audience beside the reasons for being left out."""


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
    found: Counter[str] = Counter()
    done = 0
    for chunk, groups in _groups_of(conn, members, occasion, rules, now):
        found.update(groups)
        done += len(chunk.bucket)
        if progress is not None:
            progress(done)
    reached, waiting = found.pop(REACHED, 0), found.pop(WAITING, 0)
    counts = dict(sorted(found.items()))
    return AudienceCount(people=done, reached=reached, waiting=waiting, left_out=counts)


def list_audience(
    conn: psycopg.Connection,
    members: Members,
    occasion: Occasion,
    rules: Rules,
    now: datetime,
    group: str,
) -> list[int]:
    """Customer ids of one group, in order; as many as `count_audience` counts.

    `group` is `REACHED`, `WAITING`, or the reason for which they are left out.
    """
    found: list[int] = []
    for chunk, groups in _groups_of(conn, members, occasion, rules, now):
        ids = chunk.customer_id.tolist()
        found += [ids[row] for row, name in enumerate(groups) if name == group]
    return sorted(found)


def _groups_of(
    conn: psycopg.Connection, members: Members, occasion: Occasion, rules: Rules, now: datetime
) -> Iterator[tuple[Members, list[str]]]:
    """Part by part, the group of everyone."""
    prefer_key_lookups(conn)
    planned = msgspec.structs.replace(occasion, plans_only=True)
    taken: set[bytes] = set()
    for chunk in chunks_of(members):
        rows = load_people(conn, *chunk, topic=occasion.topic, now=now)
        people = people_facts([row[:FACTS] for row in rows])
        verdicts = judge(people, occasion, rules, now)
        groups = np.where(verdicts.outcome == ALLOWED, REACHED, verdicts.code.astype(object))
        groups[verdicts.outcome == DEFERRED] = WAITING
        may = judge(people, planned, rules, now).outcome == ALLOWED
        sharers = find_sharers(conn, chunk.bucket[may], chunk.customer_id[may])
        for i in np.flatnonzero(may).tolist() if sharers else ():
            if rows[i][0] in sharers and rows[i][19] in taken:
                groups[i] = SilentReason.SHARED_ADDRESS.value
            elif rows[i][0] in sharers:
                taken.add(rows[i][19])
        yield chunk, groups.tolist()

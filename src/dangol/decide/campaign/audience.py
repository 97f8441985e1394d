"""Before the launch: exactly how many would get it, and why everyone else would not."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec
import numpy as np
import psycopg

from dangol.decide.campaign.model import AT_HOUR
from dangol.decide.campaign.planning import Members, chunks_of
from dangol.decide.campaign.timing import Chooser, Moment
from dangol.decide.guard.facts import Occasion, people_facts
from dangol.decide.guard.judge import ALLOWED, DEFERRED, judge
from dangol.decide.guard.rules import Rules
from dangol.decide.guard.store import FACTS, find_sharers, load_people, prefer_key_lookups
from dangol.know.timing.hours import HOURS
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
    hours: list[int] = []
    """Where best hours are asked for: how many would get it at which hour of their own clock."""
    sources: dict[str, int] = {}
    """The same people by what their hour comes from."""


REACHED, WAITING = "reached", "waiting"
"""The groups of an audience beside the reasons for being left out."""


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """What the guard is asked before the launch, and as of when."""

    members: Members
    occasion: Occasion
    rules: Rules
    at: datetime
    chooser: Chooser | None = None
    """Says at which moment each would get it, where that is the person's own."""


def count_audience(conn: psycopg.Connection, forecast: Forecast) -> AudienceCount:
    """Ask the guard about everyone, as the hand-off will; writes nothing."""
    found: Counter[str] = Counter()
    hours: Counter[int] = Counter()
    sources: Counter[str] = Counter()
    for chunk, groups, zones in _groups_of(conn, forecast):
        found.update(groups)
        chosen = _chosen(forecast, chunk, groups, zones)
        hours.update(one.hour for one in chosen.values() if one.hour is not None)
        sources.update(moment.source for moment in chosen.values())
    reached, waiting = found.pop(REACHED, 0), found.pop(WAITING, 0)
    return AudienceCount(
        people=reached + waiting + found.total(),
        reached=reached,
        waiting=waiting,
        left_out=dict(sorted(found.items())),
        hours=[hours[hour] for hour in range(HOURS)] if hours else [],
        sources=dict(sources),
    )


def list_audience(conn: psycopg.Connection, forecast: Forecast, group: str) -> list[int]:
    """Customer ids of one group, in order; as many as `count_audience` counts.

    `group` is `REACHED`, `WAITING`, the reason for which they are left out, or such as `hour_9` for
    those who would get it at nine on their clock.
    """
    found: list[int] = []
    for chunk, groups, zones in _groups_of(conn, forecast):
        ids = chunk.customer_id.tolist()
        found += [ids[row] for row, name in enumerate(groups) if name == group]
        if group.startswith(AT_HOUR):
            chosen = _chosen(forecast, chunk, groups, zones)
            found += [ids[i] for i, one in chosen.items() if f"{AT_HOUR}{one.hour}" == group]
    return sorted(found)


def _chosen(
    forecast: Forecast, chunk: Members, groups: list[str], zones: Sequence[str | None]
) -> dict[int, Moment]:
    """By row, the own moments of those who would get it."""
    if forecast.chooser is None:
        return {}
    moments = forecast.chooser(chunk.customer_id, zones)
    return {row: moments[row] for row, name in enumerate(groups) if name == REACHED}


def _groups_of(
    conn: psycopg.Connection, forecast: Forecast
) -> Iterator[tuple[Members, list[str], Sequence[str | None]]]:
    """Part by part, the group and the zone of everyone."""
    occasion, rules, now = forecast.occasion, forecast.rules, forecast.at
    prefer_key_lookups(conn)
    planned = msgspec.structs.replace(occasion, plans_only=True)
    taken: set[bytes] = set()
    for chunk in chunks_of(forecast.members):
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
        yield chunk, groups.tolist(), people.zone

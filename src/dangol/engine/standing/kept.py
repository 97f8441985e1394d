"""The segments that are kept current, each with what it looks at and when it may turn."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
import structlog

from dangol.errors import InputError
from dangol.know.interest.fold import telling_names
from dangol.know.segment import Condition
from dangol.know.segment.check import names_moments, walk_leaves
from dangol.know.segment.condition import Reacted
from dangol.know.segment.membership.noting import INTERESTS
from dangol.know.segment.membership.service import digest_of, named_in
from dangol.know.segment.membership.store import SQL, Work
from dangol.know.segment.membership.watch import Watch, watch_of
from dangol.know.segment.service import resolve
from dangol.know.segment.store import list_definitions, list_segments
from dangol.model.event import EventName

_log = structlog.get_logger("dangol.standing")


class Kept(NamedTuple):
    """A segment as it is to be evaluated."""

    id: UUID
    name: str
    version: int
    definition: bytes
    """Digest of the definition with its segments spelled out: another one is another question."""
    condition: Condition
    """Resolved."""
    watch: Watch
    is_moving: bool
    """Letters that are sent and moments that begin or end make it another condition; or other events
    tell what people like."""
    telling: frozenset[str] = frozenset()
    """Names of events that tell what people like, where it asks that."""

    def concerns(self, work: Work) -> bool:
        """Whether what happened may change the answer."""
        watch, name = self.watch, work.name
        if work.is_new or name in ("", EventName.CUSTOMERS_MERGED) or name in watch.events:
            return True
        if name in self.telling or (name == INTERESTS and watch.has_interests):
            return True
        if name == EventName.PROFILE_UPDATED:
            return watch.has_zones or not watch.traits.isdisjoint(work.traits or ())
        if name == EventName.STAGE_CHANGED:
            return watch.has_stage
        if name == EventName.PREFERENCE_CHANGED:
            return watch.has_consent or watch.has_zones
        return name == EventName.CONSENT_CHANGED and watch.has_consent


def active_versions(conn: psycopg.Connection) -> list[tuple[UUID, int, str]]:
    """What tells cheaply whether `load_kept` would give something else."""
    return conn.execute(SQL.list_active).fetchall()


def load_kept(conn: psycopg.Connection, now: datetime) -> dict[UUID, Kept]:
    """Every active segment that can be evaluated; one that cannot is logged and left alone."""
    definitions, telling = list_definitions(conn), frozenset(telling_names(conn))
    found = {}
    for segment in list_segments(conn):
        try:
            digest = digest_of(segment.definition, definitions)
            condition = resolve(conn, segment.definition, now)
            watch = watch_of(condition, now)
        except (InputError, TypeError) as error:
            _log.warning("segment cannot be kept", segment=segment.name, error=str(error))
            continue
        moves = watch.has_interests or _moves(segment.definition, definitions)
        found[segment.id] = Kept(
            segment.id,
            segment.name,
            segment.version,
            digest,
            condition,
            watch,
            moves,
            telling if watch.has_interests else frozenset(),
        )
    return found


def _moves(condition: Condition, definitions: Mapping[UUID, Condition]) -> bool:
    conditions = (condition, *named_in(condition, definitions).values())
    leaves = (leaf for each in conditions for leaf, _ in walk_leaves(each))
    return any(map(names_moments, conditions)) or any(isinstance(leaf, Reacted) for leaf in leaves)


def views_of(some: Iterable[Kept]) -> list[str]:
    """What of the people has to be read for these segments."""
    kept = list(some)
    views = ["customers"]
    views += ["stages"] if any(one.watch.has_stage for one in kept) else []
    views += ["consents"] if any(one.watch.has_consent for one in kept) else []
    views += ["memberships"] if any(one.watch.has_memberships for one in kept) else []
    views += ["interests"] if any(one.watch.has_interests for one in kept) else []
    return views


def names_heard(kept: Iterable[Kept]) -> tuple[list[str], list[str]]:
    """Names of events that leave work, and those of which the properties are wanted."""
    kept = list(kept)
    watches = [one.watch for one in kept]
    names = {name for watch in watches for name in watch.events}
    names |= {name for one in kept for name in one.telling}
    detailed = {name for watch in watches for name, keys in watch.props.items() if keys}
    for name, is_wanted in _HANDLED.items():
        names |= {name} if any(is_wanted(watch) for watch in watches) else set()
    return sorted(names), sorted(detailed)


_HANDLED = {
    EventName.PROFILE_UPDATED.value: lambda watch: watch.has_zones or bool(watch.traits),
    EventName.STAGE_CHANGED.value: lambda watch: watch.has_stage,
    EventName.CONSENT_CHANGED.value: lambda watch: watch.has_consent,
    EventName.PREFERENCE_CHANGED.value: lambda watch: watch.has_consent or watch.has_zones,
}


def next_midnight(now: datetime, zones: Iterable[str]) -> datetime:
    """The next instant at which a local day begins in one of the zones.

    >>> next_midnight(datetime(2026, 1, 1, 14, 59, tzinfo=UTC), ["Asia/Seoul", "UTC"])
    datetime.datetime(2026, 1, 1, 15, 0, tzinfo=datetime.timezone.utc)
    """
    return min(_midnight(now, ZoneInfo(zone)) for zone in zones)


def _midnight(now: datetime, zone: ZoneInfo) -> datetime:
    day = now.astimezone(zone).date()
    ahead = (
        datetime.combine(day + timedelta(days=days), time(), zone).astimezone(UTC)
        for days in (1, 2)
    )
    return next(instant for instant in ahead if instant > now)

"""Which segments are kept at the moment, and what of the events they look at together."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import psycopg

from dangol.engine.standing.kept import Kept, active_versions, load_kept, names_heard
from dangol.engine.standing.reasons import EPOCH
from dangol.engine.standing.telling import Listening
from dangol.know.interest.fold import buying_names
from dangol.know.segment.membership.watch import NOTHING, Watch, together
from dangol.store.brand import read_brand
from dangol.store.sql import load_queries

SQL = load_queries("dangol.engine")

_LOOK_AGAIN, _RELOAD = timedelta(seconds=5), timedelta(hours=1)
"""How often segments are read anew though nobody edited them: what they name may have changed."""


class Noticed(NamedTuple):
    """What is different from before."""

    new: Mapping[UUID, Kept]
    gone: frozenset[UUID]
    redefined: frozenset[UUID]
    """Those that ask something else by an edit, and the new ones."""
    unsettled: frozenset[UUID]
    """Those whose answers have to be found anew for everyone; the redefined are among them."""


class Keeping:
    """The active segments as they are to be evaluated, read anew when that may have changed."""

    def __init__(self) -> None:
        self.kept: dict[UUID, Kept] = {}
        self.zone = "UTC"
        self.watch: Watch = NOTHING
        self.listening: Listening | None = None
        """What Live tells."""
        self._versions: list[tuple[UUID, int, str]] = []
        self._buying: tuple[str, ...] = ()
        self._look_at = EPOCH

    def is_due(self, now: datetime) -> bool:
        """Whether to look though nobody edited anything."""
        return bool(self.kept) and now >= self._look_at

    def look(self, conn: psycopg.Connection, now: datetime) -> Noticed | None:
        """What has changed, in the caller's transaction; None when nothing has."""
        versions = active_versions(conn)
        if versions == self._versions and now < self._look_at:
            return None
        kept, brand = load_kept(conn, now), read_brand(conn)
        buying = tuple(buying_names(brand.relationship_event))
        is_moving = any(one.is_moving for one in kept.values())
        self._versions, self._look_at = versions, now + (_LOOK_AGAIN if is_moving else _RELOAD)
        if (kept, brand.zone, buying) == (self.kept, self.zone, self._buying):
            return None
        noticed = _compare(self.kept, kept, has_moved=brand.zone != self.zone)
        self.kept, self.zone, self._buying = kept, brand.zone, buying
        self._listen(conn)
        return noticed

    def _listen(self, conn: psycopg.Connection) -> None:
        some = list(self.kept.values())
        self.watch = together(one.watch for one in some) if some else NOTHING
        names, detailed = names_heard(some)
        telling = sorted({name for one in some for name in one.telling})
        if telling and not (self.listening and self.listening.telling):
            conn.execute(SQL.tell_interests_soon)  # nobody added up acts until now
        parts = (names, sorted(self.watch.events), detailed, telling, self._buying)
        self.listening = Listening(*map(tuple, parts)) if some else None


def _compare(
    before: Mapping[UUID, Kept], after: Mapping[UUID, Kept], *, has_moved: bool
) -> Noticed:
    new = {one: kept for one, kept in after.items() if one not in before}
    known = {one: (before[one], kept) for one, kept in after.items() if one in before}
    edited = {one for one, (was, now) in known.items() if was.definition != now.definition}
    other = {
        one for one, (was, now) in known.items() if was.condition != now.condition or has_moved
    }
    redefined = frozenset(new) | edited
    gone = frozenset(before.keys() - after.keys())
    return Noticed(new, gone, redefined, redefined | other)

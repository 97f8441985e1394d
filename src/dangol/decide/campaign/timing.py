"""At which hour of the coming day each person is written to, and what says so.

One in ten gets an hour by lot: what comes of those is what the chosen hours are compared with. The
lot is the person's for this send, so planning again after a crash draws the same.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
from numpy.typing import NDArray

from dangol.decide.campaign.model import A_DAY
from dangol.decide.guard.checks import draws
from dangol.decide.guard.hours import instant_of, known_zone, quiet_until
from dangol.decide.guard.rules import Rules
from dangol.know.timing.choice import Choice, choose
from dangol.know.timing.habits import Habits
from dangol.know.timing.hours import HOURS

OWN, EVERYONE, LOT, UNKNOWN = "own", "everyone", "lot", "unknown"
"""What an hour comes from: own habit, everybody's hours, the lot, or nothing (then it is at once)."""


class Moment(msgspec.Struct, frozen=True):
    """When one person is due, and why then."""

    due_at: datetime
    source: str
    zone: str
    hour: int | None = None
    """On the person's clock."""
    propensity: float | None = None
    """How probable exactly this hour was before the lot was drawn."""

    @property
    def told(self) -> dict[str, Any]:
        """What the decision keeps."""
        kept = {"hour": self.hour, "from": self.source, "zone": self.zone}
        return kept if self.propensity is None else kept | {"propensity": self.propensity}


Chooser = Callable[[NDArray[np.int64], Sequence[str | None]], list[Moment]]
"""The moments of people (ids, zones), in their order."""


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """The 24 hours in which one send goes out."""

    send_id: int
    start: datetime
    rules: Rules

    def allowed(self, zone: str) -> dict[int, datetime]:
        """The full hours of the day on the clocks of `zone` and outside quiet hours, with the instant
        at which each begins; an hour that the clocks skip is none."""
        found: dict[int, datetime] = {}
        first = self.start.astimezone(ZoneInfo(zone)).date()
        for hour in range(HOURS):
            for day in (first, first + timedelta(days=1)):
                at = instant_of(day, time(hour), zone)
                is_within = self.start <= at < self.start + A_DAY
                if is_within and hour not in found and self._may(at, hour, zone):
                    found[hour] = at
        return found

    def _may(self, at: datetime, hour: int, zone: str) -> bool:
        rules = self.rules
        shows = at.astimezone(ZoneInfo(zone)).hour
        return shows == hour and not quiet_until(at, rules.quiet_from, rules.quiet_until, zone)


def choose_moments(
    day: Day,
    customers: NDArray[np.int64],
    zones: Sequence[str | None],
    habits: Habits,
    pi_of: Callable[[str], Sequence[float]],
) -> list[Moment]:
    """The moment of each person within the day; `pi_of` gives everybody's hours in a zone."""
    places = np.array([known_zone(zone, day.rules.zone) for zone in zones])
    p, is_own = habits.of(customers)
    lots = np.stack(
        [draws(-2 * day.send_id - 1, customers), draws(-2 * day.send_id - 2, customers)]
    )
    found: list[Moment] = [Moment(day.start, UNKNOWN, str(zone)) for zone in places]
    for zone in np.unique(places).tolist():
        hours = day.allowed(zone)
        if not hours:
            continue
        rows = np.flatnonzero(places == zone)
        may = np.isin(np.arange(HOURS), list(hours))
        pi = np.array(pi_of(zone))
        choice = choose(p[rows], pi, is_own[rows], may, lots.T[rows])
        for row, moment in zip(rows.tolist(), _moments(choice, hours, zone), strict=True):
            found[row] = moment
    return found


def at_once(start: datetime, zones: Sequence[str | None], zone: str) -> list[Moment]:
    """Everybody's moment while nobody's hours are known."""
    return [Moment(start, UNKNOWN, known_zone(one, zone)) for one in zones]


def _moments(choice: Choice, hours: Mapping[int, datetime], zone: str) -> list[Moment]:
    sources = np.where(choice.is_drawn, LOT, np.where(choice.is_own, OWN, EVERYONE)).tolist()
    columns = zip(choice.hour.tolist(), sources, choice.propensity.tolist(), strict=True)
    return [
        Moment(hours[hour].astimezone(UTC), source, zone, hour, round(propensity, 6))
        for hour, source, propensity in columns
    ]

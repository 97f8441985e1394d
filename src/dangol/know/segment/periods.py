"""What differs between zones, as a small table that the SQL joins: instants, days, sets of days.

Each column is one value per zone. Where all zones agree with the brand's no column is needed;
customers without a zone of their own, or with one that nobody knows, have the brand's.
"""

from collections.abc import Callable, Collection, Hashable
from datetime import date, datetime
from functools import cached_property
from typing import Any, TypeVar

from dangol.know.segment.value import Values
from dangol.know.segment.window import (
    Days,
    Window,
    days_of,
    known_zones,
    local_day,
    micros_of_day,
    span_of,
    start_of_day,
)

T = TypeVar("T", bound=Hashable)

TABLE = "periods"
"""zone and one column per value, k0, k1 …"""
PLACED = "placed"
"""The same by customer_id, for those whose zone is in it."""


class Periods:
    """Collects columns while a condition is compiled. The row of a customer is called `z`."""

    def __init__(
        self, values: Values, now: datetime, zone: str, zones: Collection[str] | None
    ) -> None:
        self._values = values
        self._now = now
        self._brand = zone
        self._given = zones
        self._columns: dict[tuple[str, tuple[Any, ...]], str] = {}

    def __bool__(self) -> bool:
        """Whether anything differs, so that the table has to be joined."""
        return bool(self._columns)

    @cached_property
    def _zones(self) -> list[str]:
        return sorted(known_zones() if self._given is None else known_zones() & set(self._given))

    @cached_property
    def _today(self) -> dict[str, date]:
        return {zone: local_day(self._now, zone) for zone in [*self._zones, self._brand]}

    @property
    def todays(self) -> list[date]:
        """The dates that clocks show now, the brand's first."""
        return list(dict.fromkeys([self._today[self._brand], *self._today.values()]))

    def today(self) -> str:
        """SQL for the customer's date of today."""
        return self._each("date", lambda zone: self._today[zone])

    def span(self, window: Window) -> tuple[str, str]:
        """SQL for the instant from which on, and the one before which; `''` where it is open."""
        return self.instants(lambda today: days_of(window, today))

    def instants(self, days: Callable[[date], Days]) -> tuple[str, str]:
        """The same for the local days that are meant on a date of today."""
        shape = days(self._today[self._brand])
        low, high = (
            self._each("timestamptz", lambda zone, side=side: self._instant(days, zone, side))
            if shape[side] is not None
            else ""
            for side in (0, 1)
        )
        return low, high

    def micros(self, days: Callable[[date], Days]) -> tuple[tuple[str, str], tuple[str, str]]:
        """The same as microseconds since 1970, in UTC and on the wall clock."""
        instants = tuple(f"epoch_us({side})" if side else "" for side in self.instants(days))
        shape = days(self._today[self._brand])
        walls = tuple(
            self._each("bigint", lambda zone, side=side: self._wall(days, zone, side))
            if shape[side] is not None
            else ""
            for side in (0, 1)
        )
        return (instants[0], instants[1]), (walls[0], walls[1])

    def starts(self, firsts: Callable[[date], list[date]]) -> list[str]:
        """SQL for the instants at which these local days begin."""
        many = len(firsts(self._today[self._brand]))
        return [
            self._each(
                "timestamptz",
                lambda zone, index=index: start_of_day(firsts(self._today[zone])[index], zone),
            )
            for index in range(many)
        ]

    def tables(self) -> list[str]:
        """The common table expressions, in order."""
        if not self:
            return []
        rows = self._rows()
        columns = [f"unnest({self._values.add(list(rows))}::varchar[]) as zone"]
        for (cast, cells), name in self._columns.items():
            kept = [cells[index] for index in rows.values()]
            columns.append(f"unnest({self._values.add(kept)}::{cast}[]) as {name}")
        return [
            f"{TABLE} as (select {', '.join(columns)})",
            f"{PLACED} as (select c.customer_id, p.* exclude (zone)"
            f" from customers c join {TABLE} p on p.zone = c.zone)",
        ]

    def _rows(self) -> dict[str, int]:
        """Zones that differ from the brand's anywhere, with their place in each column."""
        return {
            zone: index
            for index, zone in enumerate(self._zones)
            if any(cells[index] != cells[-1] for _, cells in self._columns)
        }

    def _each(self, cast: str, of: Callable[[str], T]) -> str:
        """SQL for a value that depends on the zone."""
        cells = tuple(of(zone) for zone in [*self._zones, self._brand])
        usual = f"{self._values.add(cells[-1])}::{cast}"
        if all(cell == cells[-1] for cell in cells):
            return usual
        name = self._columns.setdefault((cast, cells), f"k{len(self._columns)}")
        return f"coalesce(z.{name}, {usual})"

    def _instant(self, days: Callable[[date], Days], zone: str, side: int) -> datetime | None:
        return span_of(days(self._today[zone]), zone)[side]

    def _wall(self, days: Callable[[date], Days], zone: str, side: int) -> int | None:
        first, last = days(self._today[zone])
        return micros_of_day(first) if side == 0 else micros_of_day(last and next_day(last))


def next_day(day: date) -> date:
    """The day after."""
    return date.fromordinal(day.toordinal() + 1)

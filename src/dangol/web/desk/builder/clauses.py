"""Fields made of fields: windows, spans, points, parts of their own, and one of several ways."""

from collections.abc import Iterator, Mapping

from dangol.web.desk.builder.fields import (
    Day,
    Field,
    Json,
    Row,
    Scope,
    Unfilled,
    Whole,
    number,
    whole,
)

WINDOWS = {
    "": "",
    "hours": "24",
    "days": "30",
    "calendar_days": "7",
    "calendar_weeks": "4",
    "calendar_months": "3",
    "between": "",
}
"""How a window may be meant, and the number that it begins with."""


def fill_all(fields: tuple[Field, ...], leaf: Json) -> Row:
    """The form of several fields that stand beside each other."""
    return {name: value for field in fields for name, value in field.fill(leaf).items()}


def take_all(fields: tuple[Field, ...], scope: Scope) -> Json:
    """The leaf that several fields say together."""
    taken: Json = {}
    for field in fields:
        taken |= field.take(scope)
    return taken


def under(key: str, row: Row) -> Row:
    """The same fields with their names below `key`."""
    return {f"{key}.{name}": value for name, value in row.items()}


class Part(Field, frozen=True, kw_only=True):
    """Fields that make an object of their own in the JSON."""

    control = "part"
    fields: tuple[Field, ...]

    def fill(self, leaf: Json) -> Row:
        return under(self.key, fill_all(self.fields, leaf.get(self.key) or {}))

    def take(self, scope: Scope) -> Json:
        return {self.key: take_all(self.fields, scope.below(self.key))}

    def inner(self, scope: Scope) -> Iterator[tuple[Field, str]]:
        for field in self.fields:
            yield field, f"{scope.at}{self.key}."


class OneOf(Field, frozen=True, kw_only=True):
    """A choice that decides which fields follow."""

    control = "one_of"
    ways: Mapping[str, tuple[Field, ...]]
    words: str
    is_told: bool = False
    """The JSON names the way; otherwise the first field of each tells it by being there."""

    def fill(self, leaf: Json) -> Row:
        way = self._way_of(leaf)
        return {self.key: [way]} | fill_all(self.ways.get(way, ()), leaf)

    def take(self, scope: Scope) -> Json:
        way = self.way(scope)
        return ({self.key: way} if self.is_told else {}) | take_all(self.ways[way], scope)

    def way(self, scope: Scope) -> str:
        """The way that the form has chosen."""
        chosen = scope.one(self.key)
        return chosen if chosen in self.ways else next(iter(self.ways))

    def inner(self, scope: Scope) -> Iterator[tuple[Field, str]]:
        for field in self.ways[self.way(scope)]:
            yield field, scope.at

    def _way_of(self, leaf: Json) -> str:
        first = next(iter(self.ways))
        if self.is_told:
            return str(leaf.get(self.key, first))
        there = (way for way, fields in self.ways.items() if fields and fields[0].key in leaf)
        return next(there, first)


class Within(Field, frozen=True, kw_only=True):
    """When it happened: ever, so many hours or days back, calendar units, or between two days."""

    control = "within"
    options = tuple(WINDOWS)

    def fill(self, leaf: Json) -> Row:
        window = leaf.get(self.key) or {}
        kind = "between" if {"from", "until"} & window.keys() else next(iter(window), "")
        days = {end: [str(window.get(end) or "")] for end in ("from", "until")}
        count = [str(window[kind]) if kind in window else ""]
        return under(self.key, {"kind": [kind], "n": count, **days})

    def take(self, scope: Scope) -> Json:
        inside = scope.below(self.key)
        kind = inside.one("kind")
        if not kind:
            return {}
        if kind != "between":
            return {self.key: {kind: whole(inside, "n")}}
        ends = take_all(self._ends, inside)
        if not ends:
            raise Unfilled("Choose a day.", f"{inside.at}from")
        return {self.key: ends}

    def inner(self, scope: Scope) -> Iterator[tuple[Field, str]]:
        kind = scope.below(self.key).one("kind")
        if kind == "between":
            for field in self._ends:
                yield field, f"{scope.at}{self.key}."
        elif kind:
            start = WINDOWS.get(kind, "")
            yield Whole(key="n", label=f"n_{kind}", start=start), f"{scope.at}{self.key}."

    @property
    def _ends(self) -> tuple[Field, ...]:
        return tuple(Day(key=end, label=end, is_free=True) for end in ("from", "until"))


class Span(Field, frozen=True, kw_only=True):
    """So many hours, or so many days of 24."""

    control = "span"
    units = ("days", "hours")
    start: str = ""
    """What a new row begins with."""

    def fill(self, leaf: Json) -> Row:
        given = leaf.get(self.key)
        if given is None:
            return under(self.key, {"n": ["" if leaf else self.start], "unit": ["days"]})
        ((unit, count),) = given.items()
        return under(self.key, {"n": [str(count)], "unit": [unit]})

    def take(self, scope: Scope) -> Json:
        inside = scope.below(self.key)
        if self.is_free and not inside.one("n"):
            return {}
        return {self.key: {inside.one("unit") or "days": whole(inside, "n")}}


class DayOf(Field, frozen=True, kw_only=True):
    """A day: of the calendar, or so many before or after today."""

    control = "day_of"
    ways = ("date", "days_ago", "days_ahead")

    def fill(self, leaf: Json) -> Row:
        day = leaf.get(self.key)
        if isinstance(day, dict):
            ((way, count),) = day.items()
            return under(self.key, {"kind": [way], "n": [str(count)], "date": [""]})
        return under(self.key, {"kind": ["date"], "n": [""], "date": [str(day or "")]})

    def take(self, scope: Scope) -> Json:
        inside = scope.below(self.key)
        way = inside.one("kind") or "date"
        if way != "date":
            return {self.key: {way: whole(inside, "n")}}
        return {self.key: Day(key="date", label=self.label).take(inside)["date"]}


class Circle(Field, frozen=True, kw_only=True):
    """A point, as maps write it, and metres around it."""

    control = "circle"
    start: str = "1000"
    """Metres in a new row."""

    def fill(self, leaf: Json) -> Row:
        given = leaf.get(self.key)
        if given is None:
            return under(self.key, {"centre": [""], "radius_m": [self.start]})
        at = f"{given['lat']}, {given['lon']}"
        return under(self.key, {"centre": [at], "radius_m": [str(given["radius_m"])]})

    def take(self, scope: Scope) -> Json:
        inside = scope.below(self.key)
        lat, lon = _point(inside.one("centre"), f"{inside.at}centre")
        radius = number(inside.one("radius_m"), f"{inside.at}radius_m")
        return {self.key: {"lat": lat, "lon": lon, "radius_m": radius}}


class Corners(Field, frozen=True, kw_only=True):
    """The corners of an area, one point a line."""

    control = "lines"
    offer: str = ""

    def fill(self, leaf: Json) -> Row:
        return {self.key: ["\n".join(f"{lat}, {lon}" for lon, lat in leaf.get(self.key, ()))]}

    def take(self, scope: Scope) -> Json:
        points = [_point(line, scope.at + self.key) for line in scope.lines(self.key)]
        if not points:
            raise scope.missing(self.key)
        return {self.key: [[lon, lat] for lat, lon in points]}


def _point(text: str, key: str) -> tuple[int | float, int | float]:
    """Latitude and longitude as maps write them."""
    parts = text.replace(",", " ").split()
    if len(parts) != 2:
        raise Unfilled("Write points as latitude, longitude, such as 37.5665, 126.9780.", key)
    return number(parts[0], key), number(parts[1], key)

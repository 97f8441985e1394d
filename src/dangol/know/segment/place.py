"""Where a customer or an event is, as it tells itself: a position or a postcode, in Python and in SQL."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dangol.know.segment import value
from dangol.know.segment.area import box_of, distance_sql, edges_of, inside_sql, postcode_sql
from dangol.know.segment.condition import Name, Place
from dangol.know.segment.terms import ValueType
from dangol.know.segment.value import Values
from dangol.model.area import (
    Area,
    distance_m,
    has_postcode,
    is_in_regions,
    is_inside,
    plain_postcode,
    prefixes_of,
)

_POSITIONS: tuple[tuple[Name, Name], ...] = (
    ("latitude", "longitude"),
    (("address", "latitude"), ("address", "longitude")),
)
_POSTCODES: tuple[Name, ...] = ("postcode", ("address", "postcode"), ("address", "postalCode"))

Columns = Callable[[Name, ValueType], str | None]
"""The column that holds what a name tells, of that type; None where only the JSON does."""


def _no_column(name: Name, kind: ValueType) -> str | None:
    return None


def positions_of(leaf: Place) -> tuple[tuple[Name, Name], ...]:
    """Pairs of names that tell latitude and longitude; the first pair that is there counts."""
    if leaf.latitude is not None and leaf.longitude is not None:
        return ((leaf.latitude, leaf.longitude),)
    return _POSITIONS


def postcodes_of(leaf: Place) -> tuple[Name, ...]:
    """Names that tell the postcode; the first that is there counts."""
    return (leaf.postcode,) if leaf.postcode is not None else _POSTCODES


def names_of(leaf: Place) -> tuple[Name, ...]:
    """All traits, or properties, that the answer depends on."""
    if leaf.circle is None and leaf.polygon is None:
        return postcodes_of(leaf)
    return tuple(name for pair in positions_of(leaf) for name in pair)


def is_there(leaf: Place, traits: Mapping[str, Any]) -> bool:
    """Whether a profile, or an event's properties, tell a place inside the area."""
    found = find_told(leaf, traits)
    if found is None:
        return False
    return _has_code(leaf.area, found) if isinstance(found, str) else _contains(leaf.area, *found)


def find_told(leaf: Place, traits: Mapping[str, Any]) -> tuple[float, float] | str | None:
    """The position (latitude, longitude) or the postcode that is compared with the area."""
    if leaf.circle is None and leaf.polygon is None:
        found = (value.dig(traits, name) for name in postcodes_of(leaf))
        return next((text for text in found if isinstance(text, str)), None)
    for names in positions_of(leaf):
        lat, lon = (value.as_number(value.dig(traits, name)) for name in names)
        if lat is not None and lon is not None and -90 <= lat <= 90 and -180 <= lon <= 180:
            return lat, lon
    return None


def place_sql(leaf: Place, values: Values, json: str, find_column: Columns = _no_column) -> str:
    """SQL of `is_there` over the JSON object in the column `json`, or columns beside it."""
    if leaf.circle is None and leaf.polygon is None:
        return f"coalesce({_code_sql(leaf, values, json, find_column)}, false)"
    test = _point_sql(leaf, values)
    points = f"[{_position(positions_of(leaf), values, json, find_column)}]"
    return f"coalesce(len(list_filter({points}, lambda p: {test})) > 0, false)"


def _position(
    pairs: Sequence[tuple[Name, Name]], values: Values, json: str, find_column: Columns
) -> str:
    """SQL of the first position that is told; JSON is read where columns tell none."""
    points = []
    for place, pair in enumerate(pairs):
        lat, lon = (find_column(name, ValueType.NUMBER) for name in pair)
        if lat is None or lon is None:
            points.append(_position_in(pairs[place:], values, json))
            break
        points.append(_point(lat, lon))
    return _first(points)


def _position_in(pairs: Sequence[tuple[Name, Name]], values: Values, json: str) -> str:
    paths = values.add([value.pointer(name) for pair in pairs for name in pair])
    # what is no JSON number does not read as one: texts have their quotes
    numbers = [f"try_cast(v[{place}]::varchar as double)" for place in range(1, 2 * len(pairs) + 1)]
    points = [_point(*both) for both in zip(numbers[::2], numbers[1::2], strict=True)]
    # a list of one item, so that what it is made of is worked out once
    read = f"[json_extract({json}, {paths}::varchar[])]"
    return f"list_transform({read}, lambda v: {_first(points)})[1]"


def _point(lat: str, lon: str) -> str:
    """SQL of a position, null where one of the two is no number or out of range."""
    is_known = f"{lat} between -90 and 90 and {lon} between -180 and 180"
    return f"case when {is_known} then {{'lat': {lat}, 'lon': {lon}}} end"


def _has_code(area: Area, postcode: str) -> bool:
    if area.regions is not None:
        return is_in_regions(postcode, area.regions)
    return has_postcode(postcode, area.postcodes or ())


def _contains(area: Area, lat: float, lon: float) -> bool:
    if area.circle is not None:
        return distance_m(lat, lon, area.circle) <= area.circle.radius_m
    assert area.polygon is not None
    return is_inside(lat, lon, area.polygon)


def _code_sql(leaf: Place, values: Values, json: str, find_column: Columns) -> str:
    texts = []
    for name in postcodes_of(leaf):
        if column := find_column(name, ValueType.TEXT):
            texts.append(column)
            continue
        path = values.add(value.pointer(name))
        raw = f"json_extract_string({json}, {path})"
        texts.append(f"case when json_type({json}, {path}) = 'VARCHAR' then {raw} end")
    code = postcode_sql(_first(texts))
    if leaf.regions is not None:
        starts = sorted({start for name in leaf.regions for start in prefixes_of(name)})
        known = f"list_contains({values.add(starts)}::varchar[], left({code}, 2))"
        return f"{known} and regexp_full_match({code}, '[0-9]{{5}}')"
    starts = sorted({plain_postcode(one) for one in leaf.postcodes or ()})
    wanted = values.add(starts)
    return f"len(list_filter({wanted}::varchar[], lambda p: starts_with({code}, p))) > 0"


def _point_sql(leaf: Place, values: Values) -> str:
    """Whether the area has the point `p`."""
    if leaf.circle is None:
        return _polygon_sql(leaf, values)
    centre = [f"{values.add(float(x))}::double" for x in (leaf.circle.lat, leaf.circle.lon)]
    radius = f"{values.add(float(leaf.circle.radius_m))}::double"
    return f"{distance_sql('p.lat', 'p.lon', *centre)} <= {radius}"


def _polygon_sql(leaf: Place, values: Values) -> str:
    assert leaf.polygon is not None
    south, north, west, east = (f"{values.add(float(x))}::double" for x in box_of(leaf.polygon))
    inside = inside_sql("p.lat", "p.lon", values.add(edges_of(leaf.polygon)))
    return (
        f"case when p.lat between {south} and {north} and p.lon between {west} and {east}"
        f" then {inside} else false end"
    )


def _first(texts: list[str]) -> str:
    return texts[0] if len(texts) == 1 else f"coalesce({', '.join(texts)})"

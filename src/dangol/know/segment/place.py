"""Where a customer is, as the profile tells it: a position or a postcode, in Python and in SQL."""

from collections.abc import Mapping
from typing import Any

from dangol.know.segment import value
from dangol.know.segment.area import box_of, distance_sql, edges_of, inside_sql, postcode_sql
from dangol.know.segment.condition import Name, Place
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
_TRAITS = "c.traits"


def positions_of(leaf: Place) -> tuple[tuple[Name, Name], ...]:
    """Pairs of traits that tell latitude and longitude; the first pair that is there counts."""
    if leaf.latitude is not None and leaf.longitude is not None:
        return ((leaf.latitude, leaf.longitude),)
    return _POSITIONS


def postcodes_of(leaf: Place) -> tuple[Name, ...]:
    """Traits that tell the postcode; the first that is there counts."""
    return (leaf.postcode,) if leaf.postcode is not None else _POSTCODES


def names_of(leaf: Place) -> tuple[Name, ...]:
    """All traits that the answer depends on."""
    if leaf.circle is None and leaf.polygon is None:
        return postcodes_of(leaf)
    return tuple(name for pair in positions_of(leaf) for name in pair)


def is_there(leaf: Place, traits: Mapping[str, Any]) -> bool:
    """Whether the profile tells a place inside the area."""
    if leaf.circle is None and leaf.polygon is None:
        return _has_code(leaf.area, _postcode(leaf, traits))
    for lat_name, lon_name in positions_of(leaf):
        lat = value.as_number(value.dig(traits, lat_name))
        lon = value.as_number(value.dig(traits, lon_name))
        if lat is not None and lon is not None and -90 <= lat <= 90 and -180 <= lon <= 180:
            return _contains(leaf.area, lat, lon)
    return False


def place_sql(leaf: Place, values: Values) -> str:
    """SQL of `is_there` over the traits of `c`."""
    if leaf.circle is None and leaf.polygon is None:
        return f"coalesce({_code_sql(leaf, values)}, false)"
    names = [name for pair in positions_of(leaf) for name in pair]
    paths = values.add([value.pointer(name) for name in names])
    test = _point_sql(leaf, values)
    # each step is a list of one item, so that what it makes is worked out once
    read = f"[json_extract({_TRAITS}, {paths}::varchar[])]"
    points = f"list_transform({read}, lambda v: {_first(_points(len(names) // 2))})"
    return f"coalesce(len(list_filter({points}, lambda p: {test})) > 0, false)"


def _points(pairs: int) -> list[str]:
    """SQL of each position, null where one of the two is no number or out of range."""
    points = []
    for pair in range(pairs):
        # what is no JSON number does not read as one: texts have their quotes
        lat, lon = (f"try_cast(v[{2 * pair + each}]::varchar as double)" for each in (1, 2))
        is_known = f"{lat} between -90 and 90 and {lon} between -180 and 180"
        points.append(f"case when {is_known} then {{'lat': {lat}, 'lon': {lon}}} end")
    return points


def _postcode(leaf: Place, traits: Mapping[str, Any]) -> str | None:
    found = (value.dig(traits, name) for name in postcodes_of(leaf))
    return next((text for text in found if isinstance(text, str)), None)


def _has_code(area: Area, postcode: str | None) -> bool:
    if postcode is None:
        return False
    if area.regions is not None:
        return is_in_regions(postcode, area.regions)
    return has_postcode(postcode, area.postcodes or ())


def _contains(area: Area, lat: float, lon: float) -> bool:
    if area.circle is not None:
        return distance_m(lat, lon, area.circle) <= area.circle.radius_m
    assert area.polygon is not None
    return is_inside(lat, lon, area.polygon)


def _code_sql(leaf: Place, values: Values) -> str:
    texts = []
    for name in postcodes_of(leaf):
        path = values.add(value.pointer(name))
        raw = f"json_extract_string({_TRAITS}, {path})"
        texts.append(f"case when json_type({_TRAITS}, {path}) = 'VARCHAR' then {raw} end")
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

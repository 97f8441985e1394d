"""A place on the map: a circle, a polygon, or the postcodes of a region."""

import math
from collections.abc import Sequence

import msgspec

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius of the Earth (IUGG); a circle's edge is right to half a percent."""
_MOST_CORNERS = 1_000
_MOST_POSTCODES = 1_000
_LARGEST_RADIUS_M = 1_000_000.0


class Circle(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything within `radius_m` metres of a point; degrees north and east."""

    lat: float
    lon: float
    radius_m: float


class Area(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Exactly one of the three. A polygon is its ring of (lon, lat), open or closed."""

    circle: Circle | None = None
    polygon: tuple[tuple[float, float], ...] | None = None
    postcodes: tuple[str, ...] | None = None
    """Beginnings of postcodes: `06` is all of `06000` to `06999`."""


def problem_of(area: Area) -> str | None:
    """What is wrong with an area, as a sentence; None when it can be used."""
    given = [area.circle, area.polygon, area.postcodes]
    if sum(one is not None for one in given) != 1:
        return "A place is exactly one of circle, polygon and postcodes."
    if area.circle is not None:
        return _circle_problem(area.circle)
    if area.polygon is not None:
        return _polygon_problem(area.polygon)
    assert area.postcodes is not None
    return _postcode_problem(area.postcodes)


def distance_m(lat: float, lon: float, circle: Circle) -> float:
    """Metres from a point to a circle's centre (haversine).

    >>> round(distance_m(37.5665, 126.9780, Circle(lat=35.1796, lon=129.0756, radius_m=1)) / 1000)
    325
    """
    north = math.radians(lat - circle.lat)
    east = math.radians(lon - circle.lon)
    squared = (
        math.sin(north / 2) ** 2
        + math.cos(math.radians(lat)) * math.cos(math.radians(circle.lat)) * math.sin(east / 2) ** 2
    )
    return 2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(squared)))


def is_inside(lat: float, lon: float, ring: Sequence[tuple[float, float]]) -> bool:
    """Whether a point lies in a polygon: its ray eastwards crosses the ring an odd number of times.

    >>> is_inside(1, 1, [(0, 0), (2, 0), (2, 2), (0, 2)]), is_inside(3, 1, [(0, 0), (2, 0), (2, 2)])
    (True, False)
    """
    inside = False
    for (x1, y1), (x2, y2) in zip(ring, [*ring[1:], ring[0]], strict=True):
        if (y1 > lat) != (y2 > lat) and lon < (x2 - x1) * (lat - y1) / (y2 - y1) + x1:
            inside = not inside
    return inside


def has_postcode(postcode: str, prefixes: Sequence[str]) -> bool:
    """Whether a postcode begins with one of `prefixes`; spaces and dashes do not count.

    >>> has_postcode("06-236", ["06"]), has_postcode("48058", ["06"])
    (True, False)
    """
    return plain_postcode(postcode).startswith(tuple(map(plain_postcode, prefixes)))


def plain_postcode(postcode: str) -> str:
    """A postcode without spaces and dashes, in capitals."""
    return postcode.replace(" ", "").replace("-", "").upper()


def _circle_problem(circle: Circle) -> str | None:
    if not _is_point(circle.lon, circle.lat):
        return "A point has a latitude from -90 to 90 and a longitude from -180 to 180."
    if not 0 < circle.radius_m <= _LARGEST_RADIUS_M:
        return "A circle's radius is more than 0 and at most 1,000,000 metres."
    return None


def _polygon_problem(ring: Sequence[tuple[float, float]]) -> str | None:
    if not 3 <= len(ring) <= _MOST_CORNERS:
        return "A polygon has 3 to 1,000 corners."
    if not all(_is_point(lon, lat) for lon, lat in ring):
        return "A point has a latitude from -90 to 90 and a longitude from -180 to 180."
    return None


def _postcode_problem(prefixes: Sequence[str]) -> str | None:
    if not 1 <= len(prefixes) <= _MOST_POSTCODES:
        return "Name 1 to 1,000 postcodes."
    if not all(plain_postcode(one).isalnum() and len(one) <= 12 for one in prefixes):
        return "A postcode, or its beginning, has letters and digits only."
    return None


def _is_point(lon: float, lat: float) -> bool:
    return -90 <= lat <= 90 and -180 <= lon <= 180

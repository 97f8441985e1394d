"""A place on the map: a circle, a polygon, postcodes, or regions of Korea.

Coordinates are WGS 84 in degrees. `know.segment.area` says the same in SQL, with the same
operations in the same order, so that both agree on every point.
"""

import math
import re
import string
from collections.abc import Sequence

import msgspec

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius of the Earth (IUGG); a circle's edge is right to half a percent."""
_MOST_CORNERS = 1_000
_MOST_POSTCODES = 1_000
_LARGEST_RADIUS_M = 1_000_000.0
_PLAIN = {ord(" "): None, ord("-"): None} | {
    ord(small): small.upper() for small in string.ascii_lowercase
}
_POSTCODE = re.compile("(?=.{1,12}$)[ -]*[0-9A-Za-z][0-9A-Za-z -]*")
_KOREAN = re.compile("[0-9]{5}")
_REGIONS = {
    "서울": (1, 9), "경기": (10, 20), "인천": (21, 23), "강원": (24, 26), "충북": (27, 29),
    "세종": (30, 30), "충남": (31, 33), "대전": (34, 35), "경북": (36, 40), "대구": (41, 43),
    "울산": (44, 45), "부산": (46, 49), "경남": (50, 53), "전북": (54, 56), "전남": (57, 60),
    "광주": (61, 62), "제주": (63, 63),
}  # fmt: skip
"""First two digits of the five-digit postcodes in use since 2015."""
REGIONS = tuple(_REGIONS)
"""The short names of all Korean regions, roughly from north to south."""
_NAMES = {
    "서울": ("서울특별시", "서울시", "seoul"), "경기": ("경기도", "gyeonggi"),
    "인천": ("인천광역시", "인천시", "incheon"), "강원": ("강원특별자치도", "강원도", "gangwon"),
    "충북": ("충청북도", "chungbuk"), "세종": ("세종특별자치시", "세종시", "sejong"),
    "충남": ("충청남도", "chungnam"), "대전": ("대전광역시", "대전시", "daejeon"),
    "경북": ("경상북도", "gyeongbuk"), "대구": ("대구광역시", "대구시", "daegu"),
    "울산": ("울산광역시", "울산시", "ulsan"), "부산": ("부산광역시", "부산시", "busan"),
    "경남": ("경상남도", "gyeongnam"), "전북": ("전북특별자치도", "전라북도", "jeonbuk"),
    "전남": ("전라남도", "jeonnam"), "광주": ("광주광역시", "광주시", "gwangju"),
    "제주": ("제주특별자치도", "제주도", "jeju"),
}  # fmt: skip
_SHORT = {name: short for short, names in _NAMES.items() for name in (short, *names)}


class Circle(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything within `radius_m` metres of a point; degrees north and east."""

    lat: float
    lon: float
    radius_m: float


class Area(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Exactly one of the four. A polygon is its ring of (lon, lat), open or closed."""

    circle: Circle | None = None
    polygon: tuple[tuple[float, float], ...] | None = None
    postcodes: tuple[str, ...] | None = None
    """Beginnings of postcodes: `06` is all of `06000` to `06999`."""
    regions: tuple[str, ...] | None = None
    """Korean provinces and cities of their rank, such as 서울, 경기도, Jeju."""


def problem_of(area: Area) -> str | None:
    """What is wrong with an area, as a sentence; None when it can be used."""
    given = [area.circle, area.polygon, area.postcodes, area.regions]
    if sum(one is not None for one in given) != 1:
        return "A place is exactly one of circle, polygon, postcodes and regions."
    if area.circle is not None:
        return _circle_problem(area.circle)
    if area.polygon is not None:
        return _polygon_problem(area.polygon)
    if area.postcodes is not None:
        return _postcode_problem(area.postcodes)
    assert area.regions is not None
    return _region_problem(area.regions)


def distance_m(lat: float, lon: float, circle: Circle) -> float:
    """Metres from a point to a circle's centre (haversine).

    >>> round(distance_m(37.5665, 126.9780, Circle(lat=35.1796, lon=129.0756, radius_m=1)) / 1000)
    325
    """
    north = math.sin(math.radians(lat - circle.lat) / 2)
    east = math.sin(math.radians(lon - circle.lon) / 2)
    narrow = math.cos(math.radians(circle.lat)) * math.cos(math.radians(lat))
    chord = math.sqrt(north * north + narrow * (east * east))
    return 2 * EARTH_RADIUS_M * math.asin(min(1.0, chord))


def is_inside(lat: float, lon: float, ring: Sequence[tuple[float, float]]) -> bool:
    """Whether a point lies in a polygon: its ray eastwards crosses the ring an odd number of times.

    >>> is_inside(1, 1, [(0, 0), (2, 0), (2, 2), (0, 2)]), is_inside(3, 1, [(0, 0), (2, 0), (2, 2)])
    (True, False)
    """
    lons, lats = zip(*ring, strict=True)
    if not (min(lats) <= lat <= max(lats) and min(lons) <= lon <= max(lons)):
        return False
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
    """A postcode without spaces and dashes, the letters a to z in capitals."""
    return postcode.translate(_PLAIN)


def is_in_regions(postcode: str, regions: Sequence[str]) -> bool:
    """Whether a Korean postcode of five digits belongs to one of the regions.

    >>> is_in_regions("48058", ["부산"]), is_in_regions("48058", ["서울특별시"])
    (True, False)
    """
    plain = plain_postcode(postcode)
    if not _KOREAN.fullmatch(plain):
        return False
    return any(plain[:2] in prefixes_of(region) for region in regions)


def find_region(name: str) -> str | None:
    """The short name of a Korean region, however it is written; None where there is none.

    >>> find_region("서울특별시"), find_region("Jeju"), find_region("Paris")
    ('서울', '제주', None)
    """
    return _SHORT.get(name.strip().lower())


def region_names() -> list[str]:
    """Every way to write a region, in small letters."""
    return sorted(_SHORT)


def prefixes_of(region: str) -> list[str]:
    """How the postcodes of a region begin.

    >>> prefixes_of("제주"), prefixes_of("대전광역시")
    (['63'], ['34', '35'])
    """
    short = find_region(region)
    low, high = _REGIONS[short] if short else (1, 0)
    return [f"{number:02}" for number in range(low, high + 1)]


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
    if not all(_POSTCODE.fullmatch(one) for one in prefixes):
        return "A postcode, or its beginning, has letters and digits only."
    return None


def _region_problem(regions: Sequence[str]) -> str | None:
    if not 1 <= len(regions) <= len(_REGIONS):
        return "Name 1 to 17 regions."
    if not all(map(find_region, regions)):
        return "A region is a Korean province or city of its rank, such as 서울 or 경기도."
    return None


def _is_point(lon: float, lat: float) -> bool:
    return -90 <= lat <= 90 and -180 <= lon <= 180

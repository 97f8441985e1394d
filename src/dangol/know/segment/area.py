"""SQL of the places of `model.area`: the same operations on doubles, in the same order."""

from dangol.model.area import EARTH_RADIUS_M

Corners = tuple[tuple[float, float], ...]
_CAPITALS = "translate({}, 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ')"


def distance_sql(lat: str, lon: str, centre_lat: str, centre_lon: str) -> str:
    """SQL of `model.area.distance_m` over doubles."""
    north = f"sin(radians({lat} - {centre_lat}) / 2)"
    east = f"sin(radians({lon} - {centre_lon}) / 2)"
    narrow = f"(cos(radians({centre_lat})) * cos(radians({lat})))"
    chord = f"sqrt({north} * {north} + {narrow} * ({east} * {east}))"
    return f"2 * {EARTH_RADIUS_M}::double * asin(least(1.0::double, {chord}))"


def edges_of(ring: Corners) -> list[list[float]]:
    """Each side as [lon, lat, lon, lat]; level ones left out, for no ray to the east crosses them."""
    sides = zip(ring, (*ring[1:], ring[0]), strict=True)
    return [[float(x) for x in (*one, *other)] for one, other in sides if one[1] != other[1]]


def inside_sql(lat: str, lon: str, edges: str) -> str:
    """SQL of `model.area.is_inside`; `edges` is a parameter that holds `edges_of` the ring."""
    crosses = (
        f"(e[2] > {lat}) <> (e[4] > {lat})"
        f" and {lon} < (e[3] - e[1]) * ({lat} - e[2]) / (e[4] - e[2]) + e[1]"
    )
    return f"len(list_filter({edges}::double[][], lambda e: {crosses})) % 2 = 1"


def box_of(ring: Corners) -> tuple[float, float, float, float]:
    """South, north, west and east end: beyond them nothing is inside."""
    lons, lats = zip(*ring, strict=True)
    return min(lats), max(lats), min(lons), max(lons)


def postcode_sql(text: str) -> str:
    """SQL of `model.area.plain_postcode`."""
    return f"replace(replace({_CAPITALS.format(text)}, ' ', ''), '-', '')"

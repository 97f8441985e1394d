"""Random customers and histories, near enough to random conditions that they meet."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from dangol.know.segment.check import Moment
from dangol.model.area import Area, Circle

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
ZONE = "Asia/Seoul"
NOWS = [
    NOW,
    datetime(2026, 3, 29, 1, 0, tzinfo=UTC),  # Europe's clocks jump at this moment
    datetime(2026, 3, 8, 7, 30, tzinfo=UTC),  # New York's just did
    datetime(2026, 10, 25, 1, 30, tzinfo=UTC),  # and back
    datetime(2026, 4, 30, 22, 0, tzinfo=UTC),  # midnight does not come in Cairo
    datetime(2028, 2, 28, 16, 0, tzinfo=UTC),  # 29 February in the east
    datetime(2026, 2, 16, 15, 0, tzinfo=UTC),  # Seollal begins in Seoul
]
ZONES = [
    None, None, "Asia/Seoul", "Europe/Berlin", "America/New_York", "Africa/Cairo", "Pacific/Kiritimati",
    "Pacific/Niue", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns", "Mars/Base", "",
]  # fmt: skip

NAMES = ["city", "a.b", "a/b~c", "q\"uo'te", "$.x", "이름", "0", "*"]
EVENTS = ["Order Completed", "Order Completed", "Order Completed", "Product Viewed", "가입'함", "%"]
TEXTS = [
    "", "Seoul", "SEOUL", "서울", "서울".encode().decode(), "서울", "Straße", "STRASSE", "ΟΔΟΣ",
    "οδος", "İ", "i", "ſ", "%", "_", "\\", "12", "12.0", "true", "null", "2026-03-10",
    "2026-03-10T12:00:00Z", "2026-03-10T21:00:00+09:00", "2026-03-10 21:00", "2026-02-30",
    "2026-03-10T12:00:00.1234567Z", "2026-03-10T12:00:60Z", "0000-01-01", "0001-01-01",
    "9999-12-31T23:59:59-12:00", "👩‍🚀", "e\u0301", "é", "ς", "\uffff",
]  # fmt: skip
NUMBERS = [
    0, -0.0, 1, 1.0, 12, 12.5, -3, 2**53, 2**53 + 1, 2**63, 2**64, 2**64 + 1, -(2**63) - 1,
    10**30, 10**308, 10**400, 1e308, 5e-324, 0.1, 0.30000000000000004, 8e12, -0.0000005,
]  # fmt: skip
SEGMENTS = [UUID(int=1), UUID(int=2)]
TOPICS = ["recipes", "a/b"]
TAGS = ["원두", "home décor", "tea"]
POINTS = [
    (37.5665, 126.9780), (37.5651, 126.9895), (35.1796, 129.0756), (0, 0), (-33.9, 151.2),
    (37.5, 127.0), (90, 0), (91, 0), ("37.5", 127.0),
]  # fmt: skip
MOMENTS = [
    Moment(UUID(int=11), "concert", Area(circle=Circle(lat=37.5665, lon=126.978, radius_m=30_000))),
    Moment(UUID(int=12), "storm", Area(regions=("부산", "서울"))),
    Moment(UUID(int=13), "storm", Area(polygon=((120, 30), (130, 30), (125, 40)))),
]
POSTCODES = ["06236", "06-236", "48058", "63 309", "6236", "SW1A 1AA", "sw1a1aa", 6236, None]
ANNIVERSARIES = [
    "1987-03-10", "1987-03-11", "03-12", "--03-09", "2000-02-29", "02-29", "1987-02-28", "03-01",
    "1990-03-10T23:00:00-10:00", "1987-01-22", "1987-윤06-01", "윤02-01", "12-30", "01-01", "윤01-01",
    "1987-3-10", "", "3 March", "1987-03-10x",
]  # fmt: skip

texts = st.one_of(
    st.sampled_from(TEXTS),
    st.text(st.characters(exclude_categories=["Cs", "Cn"], exclude_characters="\0"), max_size=6),
)
numbers = st.one_of(
    st.sampled_from(NUMBERS),
    st.integers(-(10**22), 10**22),
    st.floats(allow_nan=False, allow_infinity=False),
)
scalars = st.one_of(texts, numbers, st.booleans())
lists = st.lists(st.sampled_from([*TEXTS[:8], *NUMBERS[:7], True, None]), max_size=3)
values = st.one_of(
    scalars, st.none(), st.lists(scalars, max_size=2), st.dictionaries(texts, scalars, max_size=1)
)
_deep = {
    "deep": st.dictionaries(st.sampled_from(["city", "0"]), scalars, max_size=2) | lists,
    "list": lists | scalars,
}
objects = st.one_of(
    st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, values) | _deep),
    st.fixed_dictionaries(dict.fromkeys(NAMES, scalars) | _deep),
)
_position = st.sampled_from(POINTS).map(lambda at: {"latitude": at[0], "longitude": at[1]})
positions = st.one_of(
    _position,
    _position.map(lambda where: {"address": where}),
    st.sampled_from(POSTCODES).map(lambda code: {"postcode": code}),
    st.sampled_from(POSTCODES).map(lambda code: {"address": {"postalCode": code}}),
)
_orders = st.sampled_from(["a", "a", "a", "A", "b", 7, 7.0, True, None, ["a"]])
_shipments = st.builds(lambda at, order: {**at, "order": order}, positions, _orders)
properties = st.one_of(
    objects,
    st.fixed_dictionaries({"total": st.sampled_from([1, 2.5, 10, -3, 0.1, "x", 9e12])}),
    _shipments,
)
stages = st.sampled_from(["unknown", "new", "active", "loyal", "lapsing", "inactive"])
answers = st.sampled_from(["unknown", "granted", "denied", "withdrawn"])


def near(now: datetime) -> st.SearchStrategy[datetime]:
    """Instants around those that windows seen from `now` begin and end at."""
    hours = st.sampled_from([0, 0, 1, 5, 12, 14, 24, 33, 36, 48, 7 * 24, 30 * 24, 45 * 24])
    edge = st.builds(
        lambda back, off, tick: now.replace(minute=0, second=0, microsecond=0)
        - timedelta(hours=back)
        + timedelta(minutes=off, microseconds=tick),
        hours, st.sampled_from([0, 15, 30, 45]), st.integers(-1, 1),
    )  # fmt: skip
    exact = st.sampled_from(
        [now - timedelta(hours=h) + timedelta(microseconds=m) for h in (0, 6, 24, 720) for m in (-1, 0, 1)]
    )  # fmt: skip
    return st.one_of(
        edge,
        exact,
        st.datetimes(datetime(2025, 1, 1), datetime(2026, 11, 1), timezones=st.just(UTC)),
    )


def dates_near(now: datetime) -> st.SearchStrategy[str]:
    """Traits that tell a day around now."""
    day = st.integers(-9, 9).map(lambda days: (now + timedelta(days=days)).date())
    clock = st.sampled_from(["T00:00:00", "T23:59:59.999999", " 09:30"])
    shown = st.builds(
        lambda date, time, zone: f"{date}{time}{zone}",
        day, clock, st.sampled_from(["", "Z", "+09:00", "-11:30"]),
    )  # fmt: skip
    return st.one_of(day.map(date.isoformat), shown, shown, st.sampled_from(TEXTS))


def _stays(now: datetime) -> st.SearchStrategy[dict]:
    stay = st.tuples(near(now), st.none() | near(now)).map(
        lambda pair: (min(pair), max(pair)) if pair[1] else pair
    )
    return st.dictionaries(
        st.sampled_from(SEGMENTS), st.lists(stay, min_size=1, max_size=2), max_size=2
    )


def _traits(now: datetime) -> st.SearchStrategy[dict]:
    days = st.fixed_dictionaries(
        {"renews": dates_near(now), "birthday": st.sampled_from(ANNIVERSARIES)}
    )
    return st.builds(
        lambda *parts: {k: v for part in parts for k, v in part.items()},
        objects,
        st.just({}) | positions,
        days,
    )


def people(now: datetime) -> st.SearchStrategy[dict[str, Any]]:
    """Everything that may be known of a customer."""
    happenings = st.tuples(st.sampled_from(EVENTS), near(now), properties)
    orders = st.tuples(st.sampled_from(EVENTS[:4]), near(now), _shipments)
    return st.fixed_dictionaries(
        {
            "traits": _traits(now),
            "zone": st.sampled_from(ZONES),
            "stage": st.none() | st.tuples(stages, near(now), st.none() | stages),
            "consent": st.none() | answers,
            "topics": st.dictionaries(st.sampled_from(TOPICS), answers, max_size=2),
            "events": st.lists(happenings, max_size=8) | st.lists(orders, min_size=4, max_size=8),
            "stays": _stays(now),
            "interests": st.dictionaries(
                st.sampled_from(TAGS), st.sampled_from([0.5, 2.9999999, 3.0, 12.0]), max_size=2
            ),
        }
    )

"""Random conditions with every kind of leaf, biased so that they are true of some and not of others."""

from typing import Any

from hypothesis import strategies as st

from tests.unit.know.segment.world import (
    EVENTS,
    MOMENTS,
    NAMES,
    NOW,
    NUMBERS,
    POINTS,
    SEGMENTS,
    TEXTS,
    TOPICS,
    ZONE,
    answers,
    numbers,
    stages,
    texts,
)

__all__ = ["NOW", "ZONE", "conditions", "leaves"]

_GOOD_TIMES = [
    "2026-03-10", "2026-03-10T12:00:00Z", "2026-03-10T21:00:00+09:00", "2026-03-10 21:00",
    "0001-01-01", "9999-12-31", "2025-06-01T00:00:00.5-03:30",
]  # fmt: skip
_finite = numbers.filter(lambda n: abs(n) <= 1.7e308)
_orders = st.sampled_from(["eq", "ne", "lt", "le", "gt", "ge"])
_names = st.sampled_from([*NAMES, ["deep", "city"], ["deep", "0"], ["list", "0"]])
_day = st.sampled_from(["2026-03-08", "2026-03-10", "2026-03-29", "2026-02-17", "2026-10-25"])


def _object(required: dict[str, st.SearchStrategy], **optional: st.SearchStrategy) -> Any:
    return st.fixed_dictionaries(required, optional=optional)


def _kind(kind: str, required: dict[str, st.SearchStrategy], **optional: st.SearchStrategy) -> Any:
    return _object({"kind": st.just(kind), **required}, **optional)


def _comparison(**fixed: Any) -> st.SearchStrategy[dict]:
    sets = st.sampled_from(["in", "not_in", "has_any", "has_all"])
    listed = st.sampled_from([*NAMES, "list", "list", "list"])
    part = st.sampled_from(["contains", "starts_with", "ends_with"])
    some = {"min_size": 1, "max_size": 3}
    return st.one_of(
        _object({"name": _names, "op": _orders, "value": texts}),
        _object({"name": _names, "op": _orders, "value": _finite}),
        _object({"name": _names, "op": _orders, "type": st.just("time"), "value": st.sampled_from(_GOOD_TIMES)}),
        _object({"name": _names, "op": st.sampled_from(["eq", "ne"]), "value": st.booleans()}),
        _object({"name": _names, "op": part, "value": texts.filter(bool)}),
        _object({"name": listed, "op": sets, "value": st.lists(st.sampled_from(TEXTS[:10]), **some)}),
        _object({"name": listed, "op": sets, "value": st.lists(st.sampled_from(NUMBERS[:9]), **some)}),
        _object({"name": _names, "op": st.sampled_from(["exists", "missing"])}),
        _object({"name": st.just("list"), "of": st.just("length"), "op": _orders, "value": st.integers(0, 3)}),
    ).map(lambda made: made | fixed)  # fmt: skip


_windows = st.one_of(
    _object({"days": st.sampled_from([1, 30, 400, 36_525])}),
    _object({"hours": st.sampled_from([1, 6, 24])}),
    _object({"calendar_days": st.sampled_from([1, 2, 7])}),
    _object({"calendar_weeks": st.sampled_from([1, 2, 4])}),
    _object({"calendar_months": st.sampled_from([1, 2, 13])}),
    _object({"from": _day}),
    _object({"until": _day}),
    st.tuples(_day, _day).map(lambda two: {"from": min(two), "until": max(two)}),
)
_durations = st.sampled_from([{"hours": 1}, {"hours": 12}, {"days": 1}, {"days": 7}, {"days": 30}])
_events = {"name": st.sampled_from(EVENTS)}
_rings = [
    [[126.9, 37.5], [127.1, 37.5], [127.1, 37.7], [127.0, 37.56], [126.9, 37.7]],
    [[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]],
    [[120, 30], [130, 30], [125, 40]],
]
_radii = st.sampled_from([1, 1_000, 1_030.5, 30_000, 400_000])
_circles = st.builds(
    lambda at, radius: {"circle": {"lat": at[0], "lon": at[1], "radius_m": radius}},
    st.sampled_from(POINTS[:6]),
    _radii,
)
_regions = st.lists(st.sampled_from(["서울", "부산광역시", "Jeju"]), min_size=1, max_size=2)
_areas = st.one_of(
    _circles,
    _object({"polygon": st.sampled_from(_rings)}),
    _object(
        {"postcodes": st.lists(st.sampled_from(["06", "480", "SW1A", "6"]), min_size=1, max_size=2)}
    ),
    _object({"regions": _regions}),
)
_moments = st.one_of(
    st.just({}),
    _object({"id": st.sampled_from([str(one.id) for one in MOMENTS])}),
    _object({"kind_of": st.sampled_from(["concert", "storm", "storm", "parade"])}),
).map(lambda which: {"kind": "moment", **which})
_placed = _areas.map(lambda area: {"kind": "place", **area}) | _moments
_where = st.one_of(
    st.just([]),
    st.just([]),
    st.lists(_comparison(), max_size=2),
    st.lists(_placed, min_size=1, max_size=1),
)
_which = {"where": _where, "within": _windows}
_times = _object({"op": _orders, "value": st.integers(0, 4)})
_measures = st.fixed_dictionaries(
    {
        "take": st.sampled_from(["sum", "average", "min", "max", "distinct"]),
        "property": st.sampled_from(["total", "total", "total", "city", "list"]),
        "op": _orders,
        "value": st.sampled_from([0, 1, 2, 2.5, 10, -3, 0.1, 3.5, 1e17]),
    }
)
_then = _object({"name": st.sampled_from(EVENTS)}, where=_where)
_after = st.sampled_from([{"hours": 12}, {"days": 7}, {"days": 30}])
_sequel = {"name": st.sampled_from(EVENTS[:4]), "then": _then}
_order = {
    "name": st.sampled_from(EVENTS[:4]),
    "then": st.sampled_from(EVENTS[:3]).map(lambda name: {"name": name}),
    "same": st.sampled_from([["order"], ["order"], ["order"], ["order", "postcode"]]),
}
_steps = st.tuples(st.integers(1, 8), st.integers(1, 3)).map(
    lambda two: {"of_last": max(two), "at_least": min(two)}
)
_relative = st.sampled_from(
    [{"days_ago": 0}, {"days_ago": 3}, {"days_ahead": 1}, {"days_ahead": 7}]
)


LEAVES: dict[str, st.SearchStrategy[dict]] = {
    "trait": _comparison(kind="trait"),
    "date": st.one_of(
        _kind("date", {"name": st.just("renews"), "op": st.sampled_from(["on", "before", "after"]), "day": _relative | _day}),
        _kind("date", {"name": st.just("renews"), "op": st.sampled_from(["last", "next"]), "days": st.sampled_from([1, 2, 7])}),
    ),
    "anniversary": _kind(
        "anniversary",
        {"name": st.just("birthday"), "within": _object({"days": st.sampled_from([1, 3, 30, 366])})},
        direction=st.sampled_from(["next", "past"]),
        calendar=st.sampled_from(["solar", "lunar"]),
    ),
    "did": _kind("did", _events, times=_times, **_which),
    "did_not": _kind("did_not", _events, **_which),
    "measure": st.builds(lambda a, b: a | b, _kind("measure", _events, **_which), _measures),
    "first": _kind("first", _events, has=_where, **_which),
    "last": _kind("last", _events, has=_where, **_which),
    "followed": _kind("followed", _sequel, after=_after, **_which),
    "not_followed": _kind("not_followed", _sequel, after=_after, **_which),
    "followed by the same": _kind("followed", _order, after=_after),
    "not followed by the same": _kind("not_followed", _order, after=_after),
    "on its way": _kind(
        "not_followed", {**_order, "where": st.lists(_placed, min_size=1, max_size=1)}
    ),
    "did somewhere": _kind("did", {**_events, "where": st.lists(_placed, min_size=1, max_size=1)}),
    "last was somewhere": _kind("last", {**_events, "has": st.lists(_placed, min_size=1, max_size=1)}),
    "regularly": st.builds(
        lambda a, b: a | b,
        _kind("regularly", _events, step=st.sampled_from(["day", "week", "month"]), where=_where),
        _steps,
    ),
    "stage": _kind(
        "stage",
        {"in": st.lists(stages, min_size=1, max_size=4)},
        at_least=_durations,
        less_than=_durations,
        previous=st.lists(stages, max_size=3),
    ),
    "consent": _kind("consent", {"in": st.lists(answers, min_size=1, max_size=3)}),
    "subscription": _kind(
        "subscription", {"topic": st.sampled_from(TOPICS)}, **{"is": st.sampled_from(["on", "off"])}
    ),
    "place": _areas.map(lambda area: {"kind": "place", **area}),
    "moment": _moments,
    "segment": _kind("segment", {"id": st.sampled_from([str(one) for one in SEGMENTS]), "on": _day}),
    "share": st.sampled_from([(0, 0.5), (0.5, 1), (0, 1), (0.25, 0.75)]).map(
        lambda ends: {"kind": "share", "of": "a test", "from": ends[0], "to": ends[1]}
    ),
    "interest": _kind(
        "interest",
        {"in": st.lists(st.sampled_from(["원두", "HOME  décor", "Tea"]), min_size=1, max_size=2)},
        at_least=st.sampled_from([0.1, 3]),
    ),
}  # fmt: skip
leaves = st.one_of(*LEAVES.values())
conditions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.fixed_dictionaries(
            {"kind": st.sampled_from(["all", "any"]), "of": st.lists(inner, max_size=3)}
        ),
        st.fixed_dictionaries({"kind": st.just("not"), "of": inner}),
    ),
    max_leaves=8,
)

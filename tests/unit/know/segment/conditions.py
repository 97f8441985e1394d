"""Random conditions, customers and histories, biased so that they meet: shared by several tests."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
ZONE = "Asia/Seoul"

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
    10**30, 10**308, 10**400, 1e308, 5e-324, 0.1, 0.30000000000000004,
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
values = st.one_of(
    scalars, st.none(), st.lists(scalars, max_size=2), st.dictionaries(texts, scalars, max_size=1)
)
objects = st.one_of(
    st.dictionaries(st.sampled_from(NAMES), values, max_size=5),
    st.fixed_dictionaries(dict.fromkeys(NAMES, scalars)),
)
times = st.one_of(
    st.sampled_from(
        [NOW + timedelta(days=d, microseconds=m) for d in (-30, -1, 0) for m in (-1, 0, 1)]
    ),
    st.datetimes(datetime(2025, 1, 1), datetime(2026, 4, 1), timezones=st.just(UTC)),
)
happenings = st.tuples(st.sampled_from(EVENTS), times, objects)
histories = st.lists(happenings, max_size=6)

_GOOD_TIMES = [
    "2026-03-10", "2026-03-10T12:00:00Z", "2026-03-10T21:00:00+09:00", "2026-03-10 21:00",
    "0001-01-01", "9999-12-31", "2025-06-01T00:00:00.5-03:30",
]  # fmt: skip
_finite = numbers.filter(lambda n: abs(n) <= 1.7e308)


def _comparison(**fixed: Any) -> st.SearchStrategy[dict]:
    name = st.sampled_from(NAMES)
    order = st.sampled_from(["eq", "ne", "lt", "le", "gt", "ge"])
    part = texts.filter(bool)
    return st.one_of(
        st.fixed_dictionaries({"name": name, "op": order, "value": texts}),
        st.fixed_dictionaries({"name": name, "op": order, "value": _finite}),
        st.fixed_dictionaries(
            {
                "name": name,
                "op": order,
                "type": st.just("time"),
                "value": st.sampled_from(_GOOD_TIMES),
            }
        ),
        st.fixed_dictionaries(
            {"name": name, "op": st.sampled_from(["eq", "ne"]), "value": st.booleans()}
        ),
        st.fixed_dictionaries(
            {"name": name, "op": st.sampled_from(["contains", "starts_with"]), "value": part}
        ),
        st.fixed_dictionaries(
            {"name": name, "op": st.just("in"), "value": st.lists(texts, min_size=1, max_size=4)}
        ),
        st.fixed_dictionaries(
            {"name": name, "op": st.just("in"), "value": st.lists(_finite, min_size=1, max_size=4)}
        ),
        st.fixed_dictionaries({"name": name, "op": st.sampled_from(["exists", "missing"])}),
    ).map(lambda made: made | fixed)


def _event(kind: str) -> st.SearchStrategy[dict]:
    optional: dict[str, st.SearchStrategy] = {
        "within": st.fixed_dictionaries({"days": st.sampled_from([1, 30, 400, 36_525])}),
        "where": st.lists(_comparison(), max_size=2),
    }
    if kind == "did":
        op = st.sampled_from(["eq", "ne", "lt", "le", "gt", "ge"])
        optional["times"] = st.fixed_dictionaries({"op": op, "value": st.integers(0, 4)})
    fixed = {"kind": st.just(kind), "name": st.sampled_from(EVENTS)}
    return st.fixed_dictionaries(fixed, optional=optional)


_stages = st.sampled_from(["unknown", "new", "active", "loyal", "lapsing", "inactive"])
_answers = st.sampled_from(["unknown", "granted", "denied", "withdrawn"])
leaves = st.one_of(
    _comparison(kind="trait"),
    _event("did"),
    _event("did_not"),
    st.fixed_dictionaries({"kind": st.just("stage"), "in": st.lists(_stages, min_size=1)}),
    st.fixed_dictionaries({"kind": st.just("consent"), "in": st.lists(_answers, min_size=1)}),
)
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
people = st.fixed_dictionaries(
    {
        "traits": objects,
        "stage": st.none() | _stages,
        "consent": st.none() | _answers,
        "events": histories,
    }
)

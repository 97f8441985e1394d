"""Profiles: one result for every order, batching and repetition of the same statements."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dangol.know.profile.derive import derive, search_text
from dangol.know.profile.fold import Folded, Statement, fold, stamp_of

FACTS = st.lists(
    st.tuples(
        st.integers(-3, 3),
        st.integers(0, 3),
        st.dictionaries(
            st.sampled_from(["city", "plan", "이름"]),
            st.none()
            | st.integers(0, 3)
            | st.text(max_size=2)
            | st.lists(st.integers(), max_size=1),
            max_size=3,
        ),
    ),
    max_size=8,
    unique_by=lambda fact: fact[:2],
)


def told(facts: list[tuple[int, int, dict[str, Any]]]) -> list[Statement]:
    return [Statement(stamp_of(at, UUID(int=number)), traits) for at, number, traits in facts]


def oracle(facts: list[tuple[int, int, dict[str, Any]]]) -> dict[str, Any]:
    """Say everything in the order in which it happened, and see what is left."""
    profile: dict[str, Any] = {}
    for _, _, traits in sorted(facts, key=lambda fact: fact[:2]):
        profile |= traits
    return {name: value for name, value in profile.items() if value is not None}


@given(facts=FACTS, data=st.data())
def test_any_order_any_batches_and_repetitions_give_the_same_profile(facts, data) -> None:
    order = data.draw(st.permutations(facts))
    again = data.draw(st.lists(st.sampled_from(facts), max_size=4)) if facts else []
    cut = data.draw(st.integers(0, len(order)))
    folded = Folded({}, {})
    for batch in (order[:cut], order[cut:], again):
        folded = fold(folded, told(batch))
    assert folded.traits == oracle(facts)
    assert fold(Folded({}, {}), told(facts)) == folded


@given(
    left=st.tuples(st.integers(-(2**62), 2**62), st.integers(0, 2**128 - 1)),
    right=st.tuples(st.integers(-(2**62), 2**62), st.integers(0, 2**128 - 1)),
)
def test_stamps_sort_as_time_and_then_id(left, right) -> None:
    stamps = [stamp_of(at, UUID(int=number)) for at, number in (left, right)]
    assert (stamps[0] < stamps[1]) == (left < right)


@pytest.mark.parametrize(
    ("traits", "expected"),
    [
        ({"timezone": "Europe/Berlin", "country": "KR"}, ("Europe/Berlin", "trait")),
        ({"timezone": "Mars/Olympus", "country": "KR"}, ("Asia/Seoul", "country")),
        ({"country": "US"}, (None, None)),
        ({"address": {"country": "kr"}}, ("Asia/Seoul", "country")),
        ({"country": ["KR"], "timezone": 7}, (None, None)),
        ({"$timezone": "Asia/Tokyo"}, ("Asia/Tokyo", "trait")),
        ({"$timezone": "Asia/Tokyo", "timezone": "Asia/Seoul"}, ("Asia/Seoul", "trait")),
        ({"timezone": "../../etc/passwd"}, (None, None)),
    ],
)
def test_the_zone_is_stated_or_follows_from_a_country_with_one(traits, expected) -> None:
    derived = derive(traits)
    assert (derived.zone, derived.zone_source) == expected


@given(
    st.dictionaries(
        st.sampled_from(["name", "phone", "email", "country", "locale", "address"]),
        st.recursive(st.none() | st.text() | st.integers(), st.lists),
    )
)
def test_whatever_is_stated_derives_something(traits) -> None:
    assert derive(traits).search == search_text(traits, derive(traits).email)

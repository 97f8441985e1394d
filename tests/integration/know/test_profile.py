"""Profiles as the desk reads them: found by what a person types, told in one order."""

import datetime as dt

import pytest

from dangol.errors import InputError, NotFound
from dangol.know.profile import get_profile, search_customers
from dangol.know.profile.timeline import full_page, recent_page
from dangol.settings import Settings
from dangol.store.lake.mover import move_once
from tests.integration.engine.conftest import NOW

PEOPLE = {
    1: {"name": "홍길동", "email": "gd@shop.example", "phone": "010-1234-5678"},
    2: {"firstName": "Ann", "lastName": "Lee", "email": "ann_lee@b.example"},
    3: {"name": "100% 할인", "email": "annXlee@b.example"},
}


@pytest.fixture
def people(conn, tell, apply):
    for customer_id, traits in PEOPLE.items():
        tell(customer_id, "Profile Updated", traits, time=NOW + dt.timedelta(hours=customer_id))
    apply()
    conn.execute("insert into identity values ('user', 'shop-77', 2, 2, now())")
    conn.commit()
    return conn


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("홍길", [1]),
        ("ㅎㄱㄷ", [1]),
        ("ㄱㄷ", [1]),
        ("5678", [1]),
        ("1234-5678", [1]),
        ("GD@shop", [1]),
        ("ann lee", [2]),
        ("ANN_LEE", [2]),
        ("shop-77", [2]),
        ("100%", [3]),
        ("", [3, 2, 1]),
        ("\0", [3, 2, 1]),
        ("nobody", []),
        ("홍길동", [1]),
    ],
)
def test_people_are_found_by_what_is_typed(people, text, found) -> None:
    cards, total = search_customers(people, text)
    assert [card.customer_id for card in cards] == found
    assert total == len(found)


def test_a_merged_customer_leads_to_the_winner(people) -> None:
    people.execute("update customer set merged_into = 2 where customer_id = 1")
    assert get_profile(people, 1).customer_id == 2
    with pytest.raises(NotFound):
        get_profile(people, 99)


def test_the_timeline_is_whole_before_and_after_the_move(conn, tell, apply, dsn, tmp_path) -> None:
    settings = Settings(data=tmp_path, database_url=dsn)
    for number in range(7):
        at = NOW - dt.timedelta(hours=number // 2)  # two at a time in one instant
        tell(5, "Page Viewed", {"n": number}, time=at)
    tell(6, "Page Viewed", {"n": 99})
    apply()
    seen = [read_all(lambda before: full_page(settings, 5, before=before, limit=3))]
    seen.append(read_all(lambda before: recent_page(conn, 5, before=before, limit=3)))
    conn.commit()
    assert move_once(dsn, settings, NOW) is not None
    tell(5, "Page Viewed", {"n": 7}, time=NOW + dt.timedelta(hours=1))
    apply()
    seen.append(read_all(lambda before: full_page(settings, 5, before=before, limit=3)))
    assert seen[0] == seen[1] == seen[2][1:]
    assert sorted(seen[0]) == list(range(7))
    assert [number // 2 for number in seen[0]] == [0, 0, 1, 1, 2, 2, 3]
    with pytest.raises(InputError):
        recent_page(conn, 5, before="2026-01-01T00:00:00~x")


def read_all(read) -> list[int]:
    """The numbers of all entries, page by page."""
    found, before = [], None
    while True:
        page = read(before)
        found += [entry.props["n"] for entry in page.entries]
        if page.next is None:
            return found
        before = page.next

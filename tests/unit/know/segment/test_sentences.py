"""Conditions in words: every leaf in both languages, with the right particles."""

import re
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dangol.know.segment import parse, words
from tests.unit.know.segment.conditions import LEAVES

NAMES = {UUID(int=1): "봄 소식", UUID(int=2): "단골들", UUID(int=3): "서울 마라톤"}
ONE, TWO, THREE = (str(UUID(int=n)) for n in (1, 2, 3))
ORDER = {"name": "주문"}
TOTAL = [{"name": "금액", "op": "ge", "value": 5_000}]


@pytest.mark.parametrize(
    ("question", "english", "korean"),
    [
        (
            {"kind": "trait", "name": ["주소", "도시"], "op": "not_in", "value": ["서울", "부산"]},
            "customers whose 주소 › 도시 is known and is none of “서울” or “부산”",
            "주소 › 도시 값이 있으면서 “서울” 또는 “부산”이 아닌 손님",
        ),
        (
            {"kind": "trait", "name": "취미", "op": "has_all", "value": ["차", "책"]},
            "customers whose 취미 includes “차” and “책”",
            "취미 목록에 “차”, “책”이 모두 들어 있는 손님",
        ),
        (
            {"kind": "trait", "name": "tags", "op": "has_any", "value": ["차"]},
            "customers whose tags includes “차”",
            "tags 목록에 “차”가 들어 있는 손님",
        ),
        (
            {"kind": "trait", "name": "tags", "of": "length", "op": "lt", "value": 3},
            "customers whose number of tags is less than 3",
            "tags 개수가 3보다 작은 손님",
        ),
        (
            {"kind": "trait", "name": "동네", "op": "ends_with", "value": "구"},
            "customers whose 동네 ends with “구”",
            "동네가 “구”로 끝나는 손님",
        ),
        (
            {"kind": "date", "name": "만료일", "op": "next", "days": 7},
            "customers whose 만료일 is within the next 7 days, today included",
            "만료일이 오늘부터 7일 안에 있는 손님",
        ),
        (
            {"kind": "date", "name": "만료", "op": "before", "day": {"days_ago": 3}},
            "customers whose 만료 is before the day 3 days ago",
            "만료가 3일 전보다 이른 손님",
        ),
        (
            {"kind": "date", "name": "만료일", "op": "on", "day": "2026-03-01"},
            "customers whose 만료일 is on 2026-03-01",
            "만료일이 2026-03-01인 손님",
        ),
        (
            {"kind": "anniversary", "name": "생일", "within": {"days": 1}},
            "customers whose anniversary of 생일 is today",
            "생일 기념일이 오늘인 손님",
        ),
        (
            {"kind": "anniversary", "name": "생일", "within": {"days": 7}, "direction": "past", "calendar": "lunar"},
            "customers whose anniversary of 생일 by the lunar calendar is within the last 7 days, today included",
            "생일 음력 기념일이 오늘까지 7일 안에 있는 손님",
        ),
        (
            {"kind": "did", **ORDER, "within": {"calendar_weeks": 4}, "where": TOTAL},
            "customers who did “주문” in this week and the 3 before where 금액 is at least 5,000",
            "이번 주와 그 앞 3주 동안 “주문” 기록(금액이 5,000 이상인 것)이 있는 손님",
        ),
        (
            {"kind": "did_not", **ORDER, "within": {"from": "2026-03-01", "until": "2026-03-31"}},
            "customers who did not do “주문” from 2026-03-01 to 2026-03-31",
            "2026-03-01부터 2026-03-31까지 “주문” 기록이 없는 손님",
        ),
        (
            {"kind": "measure", **ORDER, "take": "sum", "property": "금액", "value": 100_000, "within": {"calendar_months": 1}},
            "customers whose sum of 금액 over “주문” this month is at least 100,000",
            "이번 달에 “주문” 기록의 금액 합계가 100,000 이상인 손님",
        ),
        (
            {"kind": "measure", **ORDER, "take": "distinct", "property": "상품", "op": "ne", "value": 3},
            "customers whose number of different 상품 over “주문” is not 3",
            "“주문” 기록의 상품 가짓수가 3이 아닌 손님",
        ),
        (
            {"kind": "first", **ORDER, "within": {"hours": 6}},
            "customers whose first “주문” was in the last 6 hours",
            "첫 “주문” 기록이 최근 6시간 동안 있는 손님",
        ),
        (
            {"kind": "last", **ORDER, "has": TOTAL},
            "customers whose last “주문” was at any time, and its 금액 is at least 5,000",
            "마지막 “주문” 기록이 있고, 그때 금액이 5,000 이상인 손님",
        ),
        (
            {"kind": "followed", "name": "담기", "then": ORDER, "after": {"days": 3}},
            "customers who did “담기”, and then “주문” within 3 days of it",
            "“담기” 기록 뒤 3일 안에 “주문” 기록이 있는 손님",
        ),
        (
            {"kind": "not_followed", "name": "담기", "then": ORDER, "after": {"hours": 1}},
            "customers who did “담기”, and no “주문” within 1 hour of it",
            "“담기” 기록이 있었지만 그 뒤 1시간 안에 “주문” 기록이 없는 손님",
        ),
        (
            {"kind": "not_followed", "name": "배송", "where": [{"kind": "moment", "kind_of": "경기"}], "then": {"name": "도착"}, "same": ["주문번호"]},
            "customers who did “배송” where it lay where “경기” is going on now, and no “도착” with the same 주문번호 since",
            "“배송” 기록(위치가 지금 “경기”가 이어지는 곳에 있는 것)이 있었지만 그 뒤 지금까지 주문번호가 같은 “도착” 기록이 없는 손님",
        ),
        (
            {"kind": "followed", "name": "담기", "where": [{"kind": "place", "regions": ["서울"]}], "then": ORDER, "same": ["cart", "shop"]},
            "customers who did “담기” where postcode lies in 서울, and later “주문” with the same cart and shop",
            "“담기” 기록(우편번호 지역이 서울인 것) 뒤에 cart, shop 값이 같은 “주문” 기록이 있는 손님",
        ),
        (
            {"kind": "last", "name": "탑승", "has": [{"kind": "place", "circle": {"lat": 37.5, "lon": 127, "radius_m": 500}}]},
            "customers whose last “탑승” was at any time, and it lay within 500 m of (37.5, 127)",
            "마지막 “탑승” 기록이 있고, 그때 위치가 (37.5, 127)에서 500m 안에 있는 손님",
        ),
        (
            {"kind": "regularly", **ORDER, "of_last": 4, "at_least": 3},
            "customers who did “주문” in at least 3 of the last 4 weeks, this one included",
            "이번 주를 포함한 4주 가운데 3주 이상 “주문” 기록이 있는 손님",
        ),
        (
            {"kind": "stage", "in": ["loyal"], "at_least": {"days": 30}, "previous": ["lapsing"]},
            "customers who are “Regular” for at least 30 days and were “Gone quiet” before",
            "단골인 지 30일 이상 되었고, 그 전에는 뜸해진 손님이었던 손님",
        ),
        (
            {"kind": "stage", "in": ["lapsing"], "less_than": {"days": 7}},
            "customers who are “Gone quiet” for less than 7 days",
            "뜸해진 손님인 지 7일이 안 된 손님",
        ),
        (
            {"kind": "subscription", "topic": "요리", "is": "off"},
            "customers who do not take “요리” by email",
            "“요리” 소식을 이메일로 받지 않는 손님",
        ),
        (
            {"kind": "message", "did": "opened", "letter": ONE, "times": {"op": "ge", "value": 2}},
            "customers who opened the letter “봄 소식” at least 2 times",
            "“봄 소식” 편지를 열어 본 적이 2번 이상인 손님",
        ),
        (
            {"kind": "message", "did": "answered", "within": {"days": 30}},
            "customers who answered any message in the last 30 days",
            "최근 30일 동안 우리 편지에 답한 적이 있는 손님",
        ),
        (
            {"kind": "message", "did": "clicked", "topic": "요리", "times": {"op": "eq", "value": 0}},
            "customers who did not click a link in a message about “요리”",
            "“요리” 소식 편지의 링크를 누른 적이 없는 손님",
        ),
        (
            {"kind": "place", "circle": {"lat": 37.5665, "lon": 126.978, "radius_m": 2_000}},
            "customers who are within 2 km of (37.5665, 126.978)",
            "(37.5665, 126.978)에서 2km 안에 있는 손님",
        ),
        (
            {"kind": "place", "postcodes": ["06", "48"]},
            "customers whose postcode begins with “06” or “48”",
            "우편번호가 “06” 또는 “48”로 시작하는 손님",
        ),
        (
            {"kind": "place", "regions": ["서울", "제주"]},
            "customers whose postcode lies in 서울 or 제주",
            "우편번호 지역이 서울 또는 제주인 손님",
        ),
        (
            {"kind": "moment", "kind_of": "비"},
            "customers who are where “비” is going on now",
            "지금 “비”가 이어지는 곳에 있는 손님",
        ),
        (
            {"kind": "moment", "id": THREE},
            "customers who are where “서울 마라톤” is going on now",
            "지금 이어지는 “서울 마라톤” 구역 안에 있는 손님",
        ),
        (
            {"kind": "segment", "id": TWO, "on": "2026-03-03"},
            "customers who belonged to “단골들” on 2026-03-03",
            "2026-03-03에 “단골들” 손님 묶음에 들어 있던 손님",
        ),
        (
            {"kind": "share", "of": "봄 시험", "from": 0, "to": 0.1},
            "customers who fall into 0 to 10 in 100 of “봄 시험”",
            "“봄 시험” 나누기에서 0%부터 10%까지에 드는 손님",
        ),
        (
            {"kind": "interest", "in": ["원두", "차"]},
            "customers who are interested in “원두” or “차” (at least 3)",
            "“원두” 또는 “차”에 관심(3 이상)이 있는 손님",
        ),
        (
            {"kind": "any", "of": [
                {"kind": "share", "of": "가", "to": 0.5},
                {"kind": "stage", "in": ["new"], "at_least": {"days": 1}},
                {"kind": "subscription", "topic": "요리"},
            ]},
            "customers who fall into 0 to 50 in 100 of “가”, or who are “New” for at least 24 hours, or who take “요리” by email",
            "“가” 나누기에서 0%부터 50%까지에 들거나, 새 손님인 지 24시간 이상 되었거나, “요리” 소식을 이메일로 받는 손님",
        ),
    ],
)  # fmt: skip
def test_every_leaf_is_said_in_both_languages(question: dict, english: str, korean: str) -> None:
    assert words(parse(question), "en", NAMES) == english
    assert words(parse(question), "ko", NAMES) == korean


_WRONG = re.compile("[가-힣][”’]?(이\\(가\\)|을\\(를\\)|은\\(는\\)|으로\\(로\\)|와\\(과\\))")
"""Both forms stand only where a foreign word leaves it open, never behind Hangul."""


@pytest.mark.parametrize("kind", LEAVES)
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_sentence_leaves_a_particle_open_behind_hangul(kind: str, data: st.DataObject) -> None:
    condition = parse(data.draw(LEAVES[kind]))
    korean, english = words(condition, "ko", NAMES), words(condition, "en", NAMES)
    assert korean.endswith("손님")
    assert not _WRONG.search(korean), korean
    assert english.startswith("customers ")


@pytest.mark.parametrize(
    ("word", "subject", "object_", "way"), [("상품", "상품이", "“상품”이", "“상품”으로"), ("차", "차가", "“차”가", "“차”로"), ("서울", "서울이", "“서울”이", "“서울”로")]
)  # fmt: skip
def test_particles_follow_the_last_syllable(
    word: str, subject: str, object_: str, way: str
) -> None:
    equal = {"kind": "trait", "name": word, "op": "eq", "value": 1}
    assert words(parse(equal), "ko") == f"{subject} 1인 손님"
    contains = {"kind": "trait", "name": "이름", "op": "contains", "value": word}
    assert words(parse(contains), "ko") == f"이름 안에 {object_} 들어 있는 손님"
    starts = {"kind": "trait", "name": "이름", "op": "starts_with", "value": word}
    assert words(parse(starts), "ko") == f"이름이 {way} 시작하는 손님"
    moment = {"kind": "moment", "kind_of": word}
    assert words(parse(moment), "ko") == f"지금 {object_} 이어지는 곳에 있는 손님"

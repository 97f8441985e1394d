"""Six customers who can be checked by hand; the tutorial introduces them.

Their lives hang on the last day only, so that every number about them can be said beforehand.
"""

from datetime import date, timedelta
from typing import NamedTuple

from dangol.practice import goods
from dangol.practice.fact import Fact, at, consent, profile
from dangol.practice.goods import GOODS
from dangol.practice.person import Person, user_id

_BLEND = GOODS[6]
_YIRGACHEFFE = GOODS[0]
_FRIENDS = ("은지", "태현", "보라", "승호", "나래")


class Life(NamedTuple):
    """What happened to one of the six, and what is true of them."""

    story: str
    facts: list[Fact]
    order_days: list[date]
    purchases_per_week: float | None
    left_on: date | None


def the_clockwork(number: int, until: date) -> tuple[Person, Life]:
    """Twelve orders, one every 60 days at ten in the morning; the last one 20 days ago."""
    person = _person(number, "정한결", "hangyul", district="마포구", favorite_roast="중배전")
    days = [until - timedelta(days=20 + 60 * index) for index in reversed(range(12))]
    facts = [*_joined(person, days[0]), *_orders(person, days, 10)]
    return person, Life("clockwork", facts, days, 7 / 60, None)


def the_one_timer(number: int, until: date) -> tuple[Person, Life]:
    """One order, 400 days ago, and never again."""
    person = _person(number, "오하나", "hana", district="강남구")
    days = [until - timedelta(days=400)]
    facts = [*_joined(person, days[0]), *_orders(person, days, 15)]
    return person, Life("one_timer", facts, days, None, days[0])


def the_complainer(number: int, until: date) -> tuple[Person, Life]:
    """Five orders, a review of one star three days after each, and last night a complaint."""
    person = _person(number, "박서운", "seowoon", district="성동구")
    days = [until - timedelta(days=12 + 35 * index) for index in reversed(range(5))]
    reviews = [
        Fact(
            person.user_id,
            "Product Reviewed",
            at(day + timedelta(days=3), 22),
            {
                "product_id": _BLEND.product_id,
                "name": _BLEND.name,
                "rating": 1,
                "text": "봉투가 또 터져서 왔어요. 연락 주세요.",
            },
        )
        for day in days
    ]
    facts = [*_joined(person, days[0]), *_orders(person, days, 19), *reviews]
    return person, Life("complainer", facts, days, 7 / 35, None)


def the_referrer(number: int, until: date) -> tuple[Person, Life]:
    """Eight orders, one every 45 days, and a friend brought along after each of the last five."""
    person = _person(number, "최소개", "sogae", district="용산구", favorite_roast="약배전")
    days = [until - timedelta(days=10 + 45 * index) for index in reversed(range(8))]
    friends = [
        Fact(
            person.user_id,
            "Friend Referred",
            at(day + timedelta(days=1), 13),
            {"code": "SOGAE", "friend": friend},
        )
        for friend, day in zip(_FRIENDS, days[-5:], strict=True)
    ]
    facts = [*_joined(person, days[0]), *_orders(person, days, 12.5), *friends]
    return person, Life("referrer", facts, days, 7 / 45, None)


def the_night_reader(number: int, until: date) -> tuple[Person, Life]:
    """A nurse on night shifts: reads and orders between two and four in the morning only."""
    person = _person(number, "윤밤", "bam", district="종로구", favorite_roast="강배전")
    days = [until - timedelta(days=8 + 28 * index) for index in reversed(range(10))]
    reading = [
        Fact(
            person.user_id,
            "Article Read",
            at(until - timedelta(days=3 * index), 2 + index % 4 * 0.5),
            {"title": "새벽에 내리는 커피", "minutes": 4 + index % 5},
        )
        for index in reversed(range(60))
    ]
    facts = [*_joined(person, days[0], hour=2), *_orders(person, days, 3.25), *reading]
    return person, Life("night_reader", facts, days, 7 / 28, None)


def the_opted_out(number: int, until: date) -> tuple[Person, Life]:
    """Four orders; unsubscribes once the shop is open, and is on a bought-back list afterwards."""
    person = _person(number, "한그만", "geuman", district="서초구")
    days = [until - timedelta(days=30 + 40 * index) for index in reversed(range(4))]
    facts = [*_joined(person, days[0]), *_orders(person, days, 18)]
    return person, Life("opted_out", facts, days, 7 / 40, None)


SIX = (
    the_clockwork,
    the_one_timer,
    the_complainer,
    the_referrer,
    the_night_reader,
    the_opted_out,
)
COMPLAINER = SIX.index(the_complainer) + 1
"""The number of the customer whose complaint waits for an answer."""
OPTED_OUT = SIX.index(the_opted_out) + 1
"""The number of the customer who opts out and is imported again."""


def listed_again(until: date) -> list[Fact]:
    """The second import: an old list that claims the consent of who had opted out."""
    person, _ = the_opted_out(OPTED_OUT, until)
    return [profile(person, at(until, 9)), consent(person, "granted", at(until, 9.1))]


def _person(number: int, name: str, latin: str, **traits: str) -> Person:
    email = f"{latin}{number}@maru.example"
    known = {
        "name": name,
        "email": email,
        "phone": f"010-0000-{number:04d}",
        "locale": "ko",
    }
    return Person(
        user_id=user_id(number),
        name=name,
        email=email,
        traits=known | traits,
        consent="granted",
    )


def _joined(person: Person, day: date, hour: float = 8) -> list[Fact]:
    return [
        profile(person, at(day, hour)),
        Fact(person.user_id, "Signed Up", at(day, hour), {"via": "store"}),
        consent(person, "granted", at(day, hour + 0.1)),
    ]


def _orders(person: Person, days: list[date], hour: float) -> list[Fact]:
    """One pack of the same coffee each time: 18,000 won and 3,000 for shipping."""
    facts = []
    for index, day in enumerate(days, start=1):
        props = goods.order(f"{person.user_id}-{index}", [(_YIRGACHEFFE, 1)])
        facts.append(
            Fact(person.user_id, "Product Viewed", at(day, hour - 0.1), goods.seen(_YIRGACHEFFE))
        )
        facts.append(Fact(person.user_id, "Order Completed", at(day, hour), props))
    return facts

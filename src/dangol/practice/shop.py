"""The shop's customers and their histories, invented from a seed: known truth, plain randomness.

Everyone buys at a rate of their own and, after each purchase, leaves for good with a probability of
their own (the MBG/NBD story). The rates come from a gamma distribution, the probabilities from a
beta one, so what the engine finds out can be compared with what is true.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from random import Random

import msgspec

from dangol.practice import goods
from dangol.practice.fact import Fact, at, consent, profile
from dangol.practice.goods import GOODS
from dangol.practice.person import Person, invent
from dangol.practice.six import SIX, Life

SHAPE, SCALE_WEEKS = 1.8, 9.0
"""Purchases per week: gamma with this shape and rate; on average one in five weeks."""
LEAVE_A, LEAVE_B = 0.9, 4.5
"""Probability of leaving after a purchase: beta with these; on average one in six."""
DAYS = 730
"""How long the shop has been open."""
_FRIENDS = 5
"""So many the referrer of the six brought."""


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """What is really so about one customer, and what nobody in the shop can know."""

    user_id: str
    name: str
    story: str
    """`crowd`, or which of the six."""
    purchases_per_week: float | None
    leaves_with: float | None
    """Probability of leaving after each purchase."""
    first_day: date
    orders: int
    left_on: date | None
    """Day of the purchase after which they never come again; None: still a customer."""


class Shop(msgspec.Struct, frozen=True, kw_only=True):
    """Everyone's history in order of time, and the truth."""

    facts: list[Fact]
    people: list[Person]
    truth: list[Truth]
    brought: dict[str, str]
    """User id of everyone whom a friend sent: whose link it was."""


def make_shop(customers: int, seed: int, until: date) -> Shop:
    """A shop of so many customers; the last thing that happened lies on `until`.

    The same arguments give the same shop. The first six customers are the six of `six.py`.
    """
    people: list[Person] = []
    truth: list[Truth] = []
    facts: list[Fact] = []
    for number, story in enumerate(SIX, start=1):
        person, life = story(number, until)
        people.append(person)
        truth.append(_truth_of_life(person, life))
        facts += life.facts
    for number in range(len(SIX) + 1, customers + 1):
        random = Random(f"{seed} {number}")
        person = invent(number, random, until)
        people.append(person)
        truth.append(_live(person, random, until, facts))
    facts.sort(key=lambda fact: fact.at)
    return Shop(facts=facts, people=people, truth=truth, brought=_brought(facts, truth, seed))


def _brought(facts: list[Fact], truth: list[Truth], seed: int) -> dict[str, str]:
    """Who came by whose link: the referrer of the six brought the first five who came after him,
    somebody who was there already each of the others."""
    joined = [fact for fact in facts if fact.name == "Signed Up"]
    friends = [fact.user_id for fact in joined if fact.props["via"] == "friend"]
    since = {one.user_id: one.first_day for one in truth}
    referrer = next(one.user_id for one in truth if one.story == "referrer")
    brought: dict[str, str] = {}
    for friend in friends:
        if since[friend] > since[referrer] and list(brought.values()).count(referrer) < _FRIENDS:
            brought[friend] = referrer
            continue
        known = [one for one in since if since[one] < since[friend] and one not in friends]
        if known:
            brought[friend] = Random(f"{seed} brought {friend}").choice(known)
    return brought


def _truth_of_life(person: Person, life: Life) -> Truth:
    return Truth(
        user_id=person.user_id,
        name=person.name,
        story=life.story,
        purchases_per_week=life.purchases_per_week,
        leaves_with=None,
        first_day=life.order_days[0],
        orders=len(life.order_days),
        left_on=life.left_on,
    )


def _live(person: Person, random: Random, until: date, facts: list[Fact]) -> Truth:
    """Append one customer's whole history to `facts` and return what is true of them."""
    rate = random.gammavariate(SHAPE, 1 / SCALE_WEEKS)
    leaving = random.betavariate(LEAVE_A, LEAVE_B)
    first = until - timedelta(days=random.randint(0, DAYS - 1))
    days, has_left = _order_days(random, rate, leaving, (first, until))
    joined = at(first, 8)
    facts.append(profile(person, joined))
    facts.append(Fact(person.user_id, "Signed Up", joined, {"via": _way_in(random)}))
    if person.consent:
        facts.append(consent(person, person.consent, joined + timedelta(minutes=1)))
    for index, day in enumerate(days, start=1):
        facts += _visit(person, random, day, f"{person.user_id}-{index}", until)
    facts += _window_shopping(person, random, (first, days[-1] if has_left else until))
    if len(days) > 3 and random.random() < 0.25:
        facts.append(
            Fact(person.user_id, "Subscribed", at(days[2], 20.5), {"plan": "원두 정기배송"})
        )
    return Truth(
        user_id=person.user_id,
        name=person.name,
        story="crowd",
        purchases_per_week=round(rate, 4),
        leaves_with=round(leaving, 4),
        first_day=first,
        orders=len(days),
        left_on=days[-1] if has_left else None,
    )


def _order_days(
    random: Random, rate: float, leaving: float, span: tuple[date, date]
) -> tuple[list[date], bool]:
    """Days with an order, and whether the customer left after the last one."""
    first, until = span
    days, when = [first], 0.0
    while random.random() >= leaving:
        when += random.expovariate(rate) * 7
        if when > (until - first).days:
            return days, False
        days.append(first + timedelta(days=int(when)))
    return days, True


def _visit(person: Person, random: Random, day: date, order_id: str, until: date) -> Iterator[Fact]:
    """Looking around, filling the basket, ordering; now and then a review a week later."""
    start = at(day, min(max(random.gauss(17, 3.5), 8.5), 22.5))
    basket = [(goods.pick(random), random.choice((1, 1, 1, 2))) for _ in range(_few(random))]
    step = start
    looked = [good for good, _ in basket] + [
        goods.pick(random) for _ in range(random.randint(0, 2))
    ]
    for good in looked:
        step += timedelta(seconds=random.randint(15, 240))
        yield Fact(person.user_id, "Product Viewed", step, goods.seen(good))
    for good, _ in basket:
        step += timedelta(seconds=random.randint(5, 60))
        yield Fact(person.user_id, "Product Added", step, goods.seen(good))
    step += timedelta(seconds=random.randint(30, 300))
    yield Fact(person.user_id, "Order Completed", step, goods.order(order_id, basket))
    later = day + timedelta(days=random.randint(4, 9))
    if random.random() < 0.1 and later <= until:
        yield _review(person, random, basket[0][0], at(later, 21))


def _review(person: Person, random: Random, good: goods.Good, when: datetime) -> Fact:
    is_happy = random.random() < 0.85
    text = random.choice(goods.PRAISE if is_happy else goods.BLAME)
    rating = random.choice((4, 5, 5)) if is_happy else random.choice((2, 3))
    props = {"product_id": good.product_id, "name": good.name, "rating": rating, "text": text}
    return Fact(person.user_id, "Product Reviewed", when, props)


def _window_shopping(person: Person, random: Random, span: tuple[date, date]) -> Iterator[Fact]:
    """Visits without an order, about one in three weeks, while they care at all."""
    first, last = span
    for _ in range(min(int((last - first).days / 21 * random.random() * 2), 20)):
        day = first + timedelta(days=random.randint(0, (last - first).days))
        when = at(day, random.uniform(9, 23.5))
        yield Fact(person.user_id, "Product Viewed", when, goods.seen(random.choice(GOODS)))


def _few(random: Random) -> int:
    return random.choices((1, 2, 3), (65, 27, 8))[0]


def _way_in(random: Random) -> str:
    return random.choices(("instagram", "search", "store", "friend"), (35, 30, 25, 10))[0]

"""The practice shop is the same for the same seed, ends on time, and reaches nobody."""

import io
from collections import Counter
from datetime import date, timedelta
from itertools import pairwise
from uuid import UUID
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from dangol.listen.heard import IntakeRow
from dangol.listen.imported import hear_import
from dangol.practice.fact import as_table, at
from dangol.practice.shop import make_shop
from dangol.practice.six import OPTED_OUT, listed_again

UNTIL = date(2026, 3, 9)
SEOUL = ZoneInfo("Asia/Seoul")


def _orders(shop, number: int) -> list[date]:
    return [
        fact.at.astimezone(SEOUL).date()
        for fact in shop.facts
        if fact.user_id == f"practice-{number:04d}" and fact.name == "Order Completed"
    ]


def test_it_is_the_same_for_the_same_seed() -> None:
    assert make_shop(40, 7, UNTIL) == make_shop(40, 7, UNTIL)
    assert make_shop(40, 7, UNTIL) != make_shop(40, 8, UNTIL)
    assert make_shop(60, 7, UNTIL).people[:40] == make_shop(40, 7, UNTIL).people


def test_everything_ends_on_the_last_day_and_reaches_nobody() -> None:
    shop = make_shop(300, 7, UNTIL)
    assert len(shop.people) == len(shop.truth) == 300
    assert len({person.email for person in shop.people}) == 300
    assert all(person.email.endswith(".example") for person in shop.people)
    assert max(fact.at for fact in shop.facts) < at(UNTIL + timedelta(days=1), 0)
    assert min(fact.at for fact in shop.facts) > at(UNTIL - timedelta(days=740), 0)
    assert shop.facts == sorted(shop.facts, key=lambda fact: fact.at)
    lengths = Counter(len(person.name) for person in shop.people)
    assert min(lengths) <= 2
    assert max(lengths) >= 6


def test_the_truth_is_what_happened() -> None:
    shop = make_shop(300, 7, UNTIL)
    for number, truth in enumerate(shop.truth, start=1):
        days = _orders(shop, number)
        assert (len(days), min(days)) == (truth.orders, truth.first_day)
        assert truth.left_on in (None, max(days))


def test_friends_come_after_whoever_brought_them() -> None:
    shop = make_shop(300, 20, UNTIL)
    since = {one.user_id: one.first_day for one in shop.truth}
    assert list(shop.brought.values()).count("practice-0004") == 5
    assert len(shop.brought) > 20
    for friend, by in shop.brought.items():
        assert since[by] < since[friend]
        assert by not in shop.brought


def test_the_six_can_be_checked_by_hand() -> None:
    shop = make_shop(6, 7, UNTIL)
    stories = [truth.story for truth in shop.truth]
    assert stories == [
        "clockwork", "one_timer", "complainer", "referrer", "night_reader", "opted_out",
    ]  # fmt: skip
    clockwork = _orders(shop, 1)
    assert {later - earlier for earlier, later in pairwise(clockwork)} == {timedelta(days=60)}
    assert (len(clockwork), UNTIL - clockwork[-1]) == (12, timedelta(days=20))
    assert _orders(shop, 2) == [UNTIL - timedelta(days=400)]
    by = Counter((fact.user_id, fact.name) for fact in shop.facts)
    assert by["practice-0003", "Product Reviewed"] == 5
    assert by["practice-0004", "Friend Referred"] == 5
    hours = {
        fact.at.astimezone(SEOUL).hour for fact in shop.facts if fact.user_id == "practice-0005"
    }
    assert hours <= {2, 3}
    assert {fact.user_id for fact in listed_again(UNTIL)} == {f"practice-{OPTED_OUT:04d}"}


@pytest.mark.parametrize("run", [UUID(int=1), UUID(int=2)])
def test_it_is_an_import_that_intake_accepts(run: UUID) -> None:
    shop = make_shop(60, 7, UNTIL)
    table = as_table(shop.facts, run, "history")
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    row = IntakeRow(1, at(UNTIL, 12), "import", "practice", {}, sink.getvalue())
    lines, refused = hear_import(row)
    assert (len(lines.samples), refused) == (len(shop.facts), [])
    assert len(set(lines.facts.column("key").to_pylist())) == len(shop.facts)

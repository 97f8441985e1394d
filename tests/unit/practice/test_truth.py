"""What the engine learns about the shop is what was put into it."""

from datetime import date

import pytest

from dangol.know.rhythm.fit import fit
from dangol.know.rhythm.history import histories
from dangol.know.rhythm.model import ModelKind
from dangol.practice.fact import ZONE
from dangol.practice.shop import LEAVE_A, LEAVE_B, SCALE_WEEKS, SHAPE, make_shop

UNTIL = date(2026, 3, 9)


def test_the_rhythm_of_the_shop_is_found_again() -> None:
    shop = make_shop(5_000, 20, UNTIL)
    days: dict[str, set[date]] = {}
    for fact in shop.facts:
        if fact.name == "Order Completed":
            days.setdefault(fact.user_id, set()).add(fact.at.astimezone(ZONE).date())
    kept = [sorted(found) for found in days.values()]
    repeats = [len(found) - 1 for found in kept]
    last = [(found[-1] - found[0]).days for found in kept]
    age = [(UNTIL - found[0]).days for found in kept]
    found = fit(histories(repeats, last, age), ModelKind.MBG).params
    assert found.r == pytest.approx(SHAPE, rel=0.2)
    assert found.alpha == pytest.approx(SCALE_WEEKS, rel=0.2)
    assert found.a / (found.a + found.b) == pytest.approx(LEAVE_A / (LEAVE_A + LEAVE_B), rel=0.15)

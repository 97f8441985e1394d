"""Whatever happens in whatever order, memberships are what the oracle says, and each change is told once."""

import random
from datetime import timedelta

import pytest

from dangol.engine.inbox import enter_inbox
from dangol.engine.kinship import own_facts
from dangol.know.erasure.service import request_erasure
from dangol.know.erasure.work import erase_once
from dangol.know.identity.merge import Merge, merge_customers
from dangol.know.identity.resolve import Resolved, hold_identities
from dangol.store.lake.carrying import carry_once
from dangol.store.lake.mover import move_once

from .conftest import ORDER, Shop

VIEW = "Product Viewed"
SEGMENTS = [
    {"kind": "did", "name": ORDER, "within": {"days": 3}},
    {"kind": "did_not", "name": ORDER, "within": {"hours": 30}},
    {"kind": "all", "of": [
        {"kind": "trait", "name": "city", "op": "eq", "value": "서울"},
        {"kind": "did", "name": VIEW, "times": {"op": "ge", "value": 2},
         "where": [{"name": "price", "op": "gt", "value": 5}]}]},
    {"kind": "did", "name": VIEW, "within": {"calendar_days": 2}},
    {"kind": "stage", "in": ["loyal"], "at_least": {"days": 2}},
    {"kind": "not_followed", "name": VIEW, "then": {"name": ORDER}, "after": {"hours": 12},
     "within": {"days": 5}},
    {"kind": "measure", "name": ORDER, "take": "sum", "property": "total", "op": "ge", "value": 20},
    {"kind": "any", "of": [{"kind": "consent", "in": ["granted"]},
                           {"kind": "stage", "in": ["lapsing"]}]},
]  # fmt: skip
PEOPLE = range(1, 7)


@pytest.mark.parametrize("seed", [1, 3])
def test_memberships_are_what_the_oracle_says_whatever_happens(shop: Shop, seed: int) -> None:
    dice = random.Random(seed)
    segments = [shop.segment(one, f"s{place}") for place, one in enumerate(SEGMENTS)]
    gone: set[int] = set()
    for _ in range(5):
        for _ in range(dice.randrange(1, 6)):
            _happen(shop, dice, gone)
        if dice.random() < 0.3:
            shop.turn()
            shop.kill()
        shop.now += timedelta(minutes=dice.choice([1, 50, 600, 1441, 3000]))
        shop.catch_up()
        assert [shop.members(one) for one in segments] == shop.oracle(*segments)
    shop.check_told()


def _happen(shop: Shop, dice: random.Random, gone: set[int]) -> None:
    here = [one for one in PEOPLE if one not in gone]
    who = dice.choice(here)
    ago = timedelta(minutes=dice.choice([0, 0, 5, 700, 4000]))
    roll = dice.random()
    if roll < 0.3:
        shop.tell(who, ORDER, {"total": dice.randrange(30)}, ago=ago)
    elif roll < 0.6:
        effect = dice.choice(["live", "history"])
        shop.tell(who, VIEW, {"price": dice.randrange(10)}, ago=ago, effect=effect)
    elif roll < 0.7:
        shop.tell(who, "Profile Updated", {"city": dice.choice(["서울", "부산", None])})
    elif roll < 0.8:
        _stage(shop, who, dice.choice(["loyal", "lapsing", "active"]))
    elif roll < 0.86:
        shop.now += timedelta(minutes=dice.randrange(300))
    elif roll < 0.9:
        shop.turn()
    elif roll < 0.93:
        move_once(shop.settings.database_url or "", shop.settings, shop.now)
    elif roll < 0.97 and len(here) > 3:
        _merge(shop, who, dice.choice([one for one in here if one != who]), gone)
    elif len(here) > 3:
        _erase(shop, who, gone)


def _stage(shop: Shop, who: int, stage: str) -> None:
    """As the daily rescoring does it."""
    with shop.conn.transaction():
        shop.conn.execute(
            "insert into stage (bucket, customer_id, stage, since, cause, repeats, first_day,"
            " last_day, scored_at) select %(who)s %% 1024, %(who)s, %(stage)s, %(now)s, 'time', 3,"
            " %(now)s, %(now)s, %(now)s where exists (select from customer where customer_id ="
            " %(who)s) on conflict (bucket, customer_id) do update set stage = excluded.stage,"
            " since = excluded.since",
            {"who": who, "stage": stage, "now": shop.now},
        )
    shop.tell(who, "Stage Changed", {"to": stage}, cause="time")


def _merge(shop: Shop, winner: int, loser: int, gone: set[int]) -> None:
    shop.turn()
    with shop.conn.transaction():
        known = shop.conn.execute(
            "select count(*) from customer where customer_id = any(%s)", [[winner, loser]]
        ).fetchone()
        if known != (2,):
            return
        hold_identities(shop.conn)
        merge = Merge(loser, winner)
        merge_customers(shop.conn, [merge], shop.now)
        resolved = Resolved(customers={}, created=0, linked=[], merges=[merge])
        enter_inbox(shop.conn, [], [], own_facts(resolved), shop.now)
    gone.add(loser)
    carry_once(shop.settings.database_url or "", shop.settings, shop.now)


def _erase(shop: Shop, who: int, gone: set[int]) -> None:
    shop.turn()
    with shop.conn.transaction():
        if shop.conn.execute("select 1 from customer where customer_id = %s", [who]).fetchone():
            request_erasure(shop.conn, who, "member:1", shop.now)
            gone.add(who)
    ground = shop.ground
    dsn = shop.settings.database_url or ""
    erase_once(dsn, shop.settings, ground.keyring, ground.journal, shop.now)

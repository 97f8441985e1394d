"""Memberships follow what happens: at once, for the right reason, and told once."""

import datetime as dt
import threading

import psycopg
import pytest

from dangol.engine.backfilling import Planned, plan_backfill
from dangol.engine.jobs import job_connection, work_once
from dangol.engine.leases import leave, share_leases
from dangol.engine.workers import find_handler
from dangol.errors import LeaseLost, Refused
from dangol.know.moment.service import Posted, end_moment, post_moment
from dangol.know.segment.service import delete_segment, edit_segment, get_segment
from dangol.model.area import Area, Circle

from .conftest import ORDER, Shop

DAY = dt.timedelta(days=1)
LATELY = {"kind": "did", "name": ORDER, "within": {"days": 30}}
SEOUL = {"kind": "trait", "name": "city", "op": "eq", "value": "서울"}
QUIET = {"kind": "did_not", "name": ORDER, "within": {"days": 30}}


def test_who_orders_comes_in_and_leaves_thirty_days_later_to_the_instant(shop: Shop) -> None:
    segment = shop.segment(LATELY)
    shop.tell(1, "Page Viewed")
    shop.catch_up()
    assert shop.members(segment) == []
    ordered_at = shop.now = shop.now + DAY
    shop.tell(1, ORDER)
    shop.catch_up()
    assert shop.members(segment) == [1]
    shop.now = ordered_at + 30 * DAY - dt.timedelta(seconds=1)
    shop.catch_up()
    assert shop.members(segment) == [1]
    shop.now = ordered_at + 30 * DAY + dt.timedelta(minutes=3)
    shop.catch_up()
    assert shop.members(segment) == []
    assert shop.changes(segment) == [(1, True, "behaviour"), (1, False, "time")]
    assert shop.events() == [(1, "Segment Entered", "behaviour"), (1, "Segment Exited", "time")]
    left = shop.conn.execute("select max(at) from segment_change").fetchone()[0]
    assert left == ordered_at + 30 * DAY


def test_a_new_segment_takes_people_in_without_telling(shop: Shop) -> None:
    shop.tell(1, ORDER)
    shop.tell(2, ORDER, ago=40 * DAY, effect="history")
    shop.catch_up()
    lately, quiet = shop.segment(LATELY), shop.segment(QUIET, "quiet")
    shop.catch_up()
    assert (shop.members(lately), shop.members(quiet)) == ([1], [2])
    assert shop.events() == []
    assert {cause for _, _, cause in shop.changes(lately) + shop.changes(quiet)} == {"definition"}


def test_an_edit_tells_nobody_and_only_the_difference_is_kept(shop: Shop) -> None:
    segment = shop.segment(LATELY)
    shop.tell(1, ORDER)
    shop.tell(1, "Profile Updated", {"city": "서울"})
    shop.tell(2, "Profile Updated", {"city": "서울"})
    shop.catch_up()
    before = len(shop.changes(segment))
    with shop.conn.transaction():
        seen = get_segment(shop.conn, segment)
        edit_segment(shop.conn, seen, "s", SEOUL, "member:1", shop.now)
    shop.now += DAY
    shop.catch_up()
    assert shop.members(segment) == [1, 2]
    assert shop.changes(segment)[before:] == [(2, True, "definition")]
    assert shop.events() == []
    assert shop.conn.execute(
        "select version from segment_change order by at desc limit 1"
    ).fetchone() == (2,)


def test_a_segment_of_a_segment_follows_it(shop: Shop) -> None:
    inner = shop.segment(SEOUL)
    outer = shop.segment({"kind": "not", "of": {"kind": "segment", "id": str(inner)}}, "outer")
    shop.catch_up()
    shop.now += DAY
    shop.tell(1, "Profile Updated", {"city": "부산"})
    shop.catch_up()
    assert (shop.members(inner), shop.members(outer)) == ([], [1])
    shop.now += DAY
    shop.tell(1, "Profile Updated", {"city": "서울"})
    shop.catch_up()
    assert (shop.members(inner), shop.members(outer)) == ([1], [])


@pytest.mark.parametrize("killed", ["before", "after"])
def test_a_kill_between_turn_and_membership_loses_and_repeats_nothing(
    shop: Shop, killed: str
) -> None:
    segment = shop.segment(LATELY)
    shop.tell(1, "Page Viewed")
    shop.catch_up()
    shop.now += DAY
    shop.tell(1, ORDER)
    shop.tell(2, ORDER, effect="history", ago=2 * DAY)
    if killed == "after":
        shop.catch_up()
    else:
        shop.turn()
    shop.kill()
    shop.now += DAY
    shop.catch_up()
    assert [shop.members(segment)] == [[1, 2]] == shop.oracle(segment)
    assert shop.changes(segment) == [(1, True, "behaviour"), (2, True, "history")]
    assert [event[:2] for event in shop.events()] == [
        (1, "Segment Entered"),
        (2, "Segment Entered"),
    ]


def test_what_fell_due_while_nobody_looked_is_found_by_the_next(shop: Shop) -> None:
    segment = shop.segment(LATELY)
    shop.catch_up()
    shop.tell(1, ORDER)
    shop.catch_up()
    shop.kill()
    shop.now += 31 * DAY
    shop.catch_up()
    assert shop.changes(segment) == [(1, True, "behaviour"), (1, False, "time")]


def test_a_worker_that_lost_its_partitions_writes_nothing(
    shop: Shop, conn: psycopg.Connection
) -> None:
    segment = shop.segment(LATELY)
    shop.tell(1, ORDER)
    shop.catch_up()
    shop.now += 31 * DAY
    leave(conn, "test", shop.leases)
    others = share_leases(conn, "other", [])
    conn.commit()
    with pytest.raises(LeaseLost):
        shop.catch_up()
    shop.conn.rollback()
    assert shop.members(segment) == [1]
    shop.leases = others
    shop.catch_up()
    assert shop.members(segment) == []


def test_merged_and_forgotten_people_are_in_no_segment(shop: Shop) -> None:
    everyone = shop.segment({"kind": "all", "of": []})
    shop.catch_up()
    for one in (1, 2, 3):
        shop.tell(one, "Page Viewed")
    shop.catch_up()
    assert shop.members(everyone) == [1, 2, 3]
    with shop.conn.transaction():
        shop.conn.execute("update customer set merged_into = 1 where customer_id = 2")
    shop.now += DAY
    shop.tell(1, "Customers Merged", {"loser_id": 2}, cause="merge")
    shop.catch_up()
    assert shop.members(everyone) == [1, 3]
    assert shop.changes(everyone)[-1] == (2, False, "merge")
    assert len([event for event in shop.events() if event[0] == 2]) == 1


def test_a_segment_put_away_is_not_kept(shop: Shop) -> None:
    segment = shop.segment(LATELY)
    shop.tell(1, ORDER)
    shop.catch_up()
    with shop.conn.transaction():
        shop.conn.execute("update segment set archived_at = now()")
    shop.kill()
    shop.catch_up()
    shop.tell(2, ORDER)
    shop.catch_up()
    assert shop.members(segment) in ([], [1])
    assert shop.following.prepare(shop.conn, shop.ground, shop.now).listening is None


def test_what_nobody_listened_to_for_a_while_is_read_anew(shop: Shop) -> None:
    first = shop.segment(LATELY)
    shop.segment({"kind": "did", "name": "Page Viewed"}, "views")
    shop.catch_up()
    with shop.conn.transaction():
        shop.conn.execute("update segment set archived_at = now() where id = %s", [first])
    shop.catch_up()
    shop.tell(1, ORDER)
    shop.catch_up()
    again = shop.segment(LATELY, "again")
    shop.catch_up()
    assert shop.members(again) == [1]


def test_a_segment_that_is_removed_takes_what_was_kept_with_it(shop: Shop) -> None:
    segment = shop.segment(LATELY)
    shop.tell(1, ORDER)
    shop.catch_up()
    with shop.conn.transaction():
        delete_segment(shop.conn, segment, 1)
    shop.tell(2, ORDER)
    shop.catch_up()
    assert shop.members(segment) == shop.changes(segment) == []


def test_a_backfill_tells_once_of_those_who_are_still_there(shop: Shop) -> None:
    for one in (1, 2, 3):
        shop.tell(one, ORDER, ago=dt.timedelta(days=29) if one == 3 else dt.timedelta())
    shop.catch_up()
    segment = shop.segment(LATELY)
    shop.catch_up()
    shop.now += 2 * DAY  # 3 leaves: an event of its own
    shop.catch_up()
    assert [event[1] for event in shop.events()] == ["Segment Exited"]
    with pytest.raises(Refused):
        plan_backfill(shop.conn, Planned(segment, 1, 3), "member:1", shop.now)
    plan_backfill(shop.conn, Planned(segment, 1, 2), "member:1", shop.now)
    shop.conn.commit()
    with job_connection(shop.settings) as conn:
        assert work_once(conn, shop.settings, "test", find_handler, threading.Event())
    with pytest.raises(Refused):
        plan_backfill(shop.conn, Planned(segment, 1, 2), "member:1", shop.now)
    shop.conn.rollback()
    shop.catch_up()
    assert sorted(shop.events()) == [
        (1, "Segment Entered", "behaviour"),
        (2, "Segment Entered", "behaviour"),
        (3, "Segment Exited", "time"),
    ]


def test_orders_on_their_way_near_a_moment_follow_both(shop: Shop) -> None:
    near = {"latitude": 37.52, "longitude": 127.08}
    on_its_way = shop.segment(
        {
            "kind": "not_followed",
            "name": "Order Shipped",
            "where": [{"kind": "moment", "kind_of": "match"}],
            "then": {"name": "Order Delivered"},
            "same": ["order_id"],
        }
    )
    for customer, order in ((1, "a"), (2, "b")):
        shop.tell(customer, "Order Shipped", {**near, "order_id": order, "carrier": "x"})
    shop.catch_up()
    assert shop.members(on_its_way) == []
    stadium = Area(circle=Circle(lat=37.5159, lon=127.0728, radius_m=2_000))
    with shop.conn.transaction():
        posted = Posted(kind="match", words="Derby", area=stadium, since=shop.now)
        match = post_moment(shop.conn, posted, by="t", now=shop.now)
    shop.now += DAY
    shop.catch_up()
    assert shop.members(on_its_way) == [1, 2]
    shop.now += DAY
    shop.tell(1, "Order Delivered", {"order_id": "a"})
    shop.tell(2, "Order Delivered", {"order_id": "a"})
    shop.catch_up()
    assert [shop.members(on_its_way)] == [[2]] == shop.oracle(on_its_way)
    assert shop.events()[-1] == (1, "Segment Exited", "behaviour")
    with shop.conn.transaction():
        end_moment(shop.conn, match.id, shop.now)
    shop.now += DAY
    shop.catch_up()
    assert shop.members(on_its_way) == []

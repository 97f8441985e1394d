"""Who brings whom, told once; what each side gave; and who is a fan by the usual rule."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg.types.json import Jsonb

from dangol.engine.tick import Ground
from dangol.know.giving.balance import weigh
from dangol.know.giving.fans import ensure_fans, find_fans, usual_rule
from dangol.know.giving.referral import (
    ask_referral,
    find_referrer,
    friend_token,
    list_friends,
    move_referrals,
    read_friend_token,
    take_asked,
)
from dangol.know.segment import parse
from dangol.know.segment.oracle import Happening, Person, evaluate
from dangol.know.segment.service import (
    archive_segment,
    edit_segment,
    get_segment,
    list_segments,
)
from dangol.settings import Settings
from tests.integration.engine.conftest import NOW, Tell

HOST, FRIEND, OTHER = 1, 2, 3
DAY = dt.timedelta(days=1)
ORDER = "Order Completed"


@pytest.fixture
def people(tell: Tell, apply: Callable[[], None]) -> None:
    for who in (HOST, FRIEND, OTHER):
        tell(who, "Signed Up")
    apply()


def told(conn: psycopg.Connection, who: int) -> list[tuple[str, dict]]:
    conn.rollback()
    return conn.execute(
        "select name, props from event_recent where customer_id = %s and name like 'Friend%%'"
        " order by time, name desc",
        [who],
    ).fetchall()


def come(tell: Tell, ground: Ground, by: int = HOST, who: int = FRIEND, **more: object) -> None:
    code = {"referral_code": friend_token(ground.keyring, by)}
    tell(who, "Profile Updated", code, **more)


@pytest.mark.usefixtures("people")
def test_a_friend_is_told_of_once_and_so_is_each_order(
    conn: psycopg.Connection, tell: Tell, apply: Callable[[], None], ground: Ground
) -> None:
    come(tell, ground)
    apply()
    come(tell, ground, time=NOW + DAY)
    tell(FRIEND, ORDER, {"total": 1}, time=NOW + DAY)
    apply()
    tell(FRIEND, ORDER, {"total": 2}, time=NOW + 2 * DAY)
    apply()
    assert told(conn, HOST) == [
        ("Friend Joined", {"friend_id": FRIEND}),
        ("Friend Ordered", {"friend_id": FRIEND, "order": 1}),
        ("Friend Ordered", {"friend_id": FRIEND, "order": 2}),
    ]
    assert list_friends(conn, HOST) == [FRIEND]
    assert find_referrer(conn, FRIEND) == HOST


@pytest.mark.usefixtures("people")
def test_one_batch_with_everything_tells_the_same(
    conn: psycopg.Connection, tell: Tell, apply: Callable[[], None], ground: Ground
) -> None:
    tell(FRIEND, ORDER, {"total": 1}, time=NOW + dt.timedelta(minutes=1))
    come(tell, ground)
    apply()
    assert [name for name, _ in told(conn, HOST)] == ["Friend Joined", "Friend Ordered"]


@pytest.mark.usefixtures("people")
def test_nobody_is_brought_by_themselves_twice_or_late(
    conn: psycopg.Connection, tell: Tell, apply: Callable[[], None], ground: Ground
) -> None:
    come(tell, ground, by=FRIEND)
    come(tell, ground, by=99)
    tell(FRIEND, "Profile Updated", {"referral_code": "forged"})
    tell(FRIEND, "Profile Updated", {"referral_code": {"a": 1}})
    tell(OTHER, ORDER, {"total": 1}, time=NOW - 3 * DAY)
    apply()
    come(tell, ground, who=OTHER)
    apply()
    assert [told(conn, who) for who in (HOST, FRIEND)] == [[], []]
    come(tell, ground, time=NOW + DAY)
    come(tell, ground, by=OTHER, time=NOW + 2 * DAY)
    apply()
    assert find_referrer(conn, FRIEND) == HOST


@pytest.mark.usefixtures("people")
def test_a_merge_takes_friends_along(
    conn: psycopg.Connection, tell: Tell, apply: Callable[[], None], ground: Ground
) -> None:
    come(tell, ground)
    apply()
    move_referrals(conn, HOST, OTHER)
    assert list_friends(conn, OTHER) == [FRIEND]
    move_referrals(conn, FRIEND, OTHER)
    assert list_friends(conn, OTHER) == []


def test_tokens_are_ours_or_nothing(ground: Ground) -> None:
    token = friend_token(ground.keyring, 7)
    assert read_friend_token(ground.keyring, token) == 7
    assert read_friend_token(ground.keyring, token[:-1] + "a") is None or token[-1] == "a"
    assert read_friend_token(ground.keyring, "") is None


def test_who_sent_an_unconfirmed_address_is_asked_once(conn: psycopg.Connection) -> None:
    number = (1 << 60) + 5
    ask_referral(conn, number, HOST, NOW)
    ask_referral(conn, number, OTHER, NOW)
    assert take_asked(conn, number) == OTHER
    assert take_asked(conn, number) is None


@pytest.mark.usefixtures("people")
def test_give_and_take_counts_what_was_of_use(
    conn: psycopg.Connection, tell: Tell, apply: Callable[[], None], dsn: str, tmp_path: Path
) -> None:
    tell(HOST, ORDER, {"total": 1})
    for minute in (1, 2):
        tell(HOST, "Page Viewed", {"n": minute}, time=NOW + dt.timedelta(minutes=minute))
    tell(HOST, "Page Viewed", {}, time=NOW + DAY)
    tell(HOST, "Product Reviewed")
    tell(HOST, "Message Sent", {"send_id": 1})
    tell(HOST, "Message Opened", {"send_id": 1})
    tell(HOST, "Message Sent", {"send_id": 2})
    tell(HOST, "Message Clicked", {"send_id": 2})
    tell(HOST, "Message Clicked", {"send_id": 2, "link": 3})
    tell(HOST, "Message Clicked", {"send_id": 3, "machine": True})
    tell(HOST, "Message Replied", {"send_id": 4})
    apply()
    found = weigh(Settings(data=tmp_path, database_url=dsn), HOST, ORDER)
    assert (found.orders, found.visits, found.answers, found.reviews) == (1, 2, 1, 1)
    assert found.letters == 2
    assert found.received == 5


@pytest.mark.usefixtures("people")
def test_a_letter_on_a_topic_that_was_chosen_is_given_and_so_is_what_is_redeemed(
    conn: psycopg.Connection, tell: Tell, apply: Callable[[], None], dsn: str, tmp_path: Path
) -> None:
    for send, topic in [(1, "beans"), (2, "tools"), (3, "*"), (4, "beans")]:
        state = "accepted" if send < 4 else "failed"
        conn.execute(
            "insert into send (id, kind, message_kind, topic, created_at, created_by)"
            " values (%s, 'campaign', 'news', %s, %s, 'test')",
            [send, topic, NOW],
        )
        conn.execute(
            "insert into message (bucket, customer_id, send_id, state, due_at, planned_at)"
            " values (%s, %s, %s, %s, %s, %s)",
            [HOST, HOST, send, state, NOW, NOW],
        )
        if state == "accepted":
            tell(HOST, "Message Sent", {"send_id": send})
    chosen = {"beans": {"state": "granted"}, "tools": {"state": "withdrawn"}}
    conn.execute(
        "insert into contact_state (bucket, customer_id, channel, consent, topics)"
        " values (%s, %s, 'email', 'granted', %s) on conflict (bucket, customer_id, channel)"
        " do update set topics = excluded.topics",
        [HOST, HOST, Jsonb(chosen)],
    )
    conn.commit()
    apply()
    settings = Settings(data=tmp_path, database_url=dsn)
    assert weigh(settings, HOST, ORDER).letters == 1
    tell(HOST, "Offer Redeemed", {"send_id": 3})
    apply()
    assert weigh(settings, HOST, ORDER).letters == 2


@pytest.mark.parametrize(
    ("events", "is_fan"),
    [
        ([], False),
        ([("Friend Ordered", {"order": 1})], False),
        ([("Friend Ordered", {"order": 2})], True),
        ([("Friend Ordered", {"order": 1}), ("Product Reviewed", {})], True),
        ([("Product Reviewed", {}), ("Answer Helped", {})], True),
        ([("Product Reviewed", {}), ("Product Reviewed", {})], False),
    ],
)
def test_the_usual_rule_of_fans(events: list[tuple[str, dict]], is_fan: bool) -> None:
    rule = parse(usual_rule())
    lately = [Happening(name=name, time=NOW - DAY, props=props) for name, props in events]
    long_ago = [Happening(name=one.name, time=NOW - 366 * DAY, props=one.props) for one in lately]
    assert evaluate(rule, Person(), lately, NOW) == is_fan
    assert not evaluate(rule, Person(), long_ago, NOW)


def test_the_owner_edits_or_archives_the_rule_for_good(conn: psycopg.Connection) -> None:
    fans = get_segment(conn, ensure_fans(conn, "ko", NOW))
    rule = {"kind": "did", "name": "Product Reviewed"}
    edited = edit_segment(conn, fans, "우리 팬", rule, "member:1", NOW).segment
    assert ensure_fans(conn, "ko", NOW + DAY) == fans.id
    assert get_segment(conn, fans.id).definition == parse(rule)
    archive_segment(conn, fans.id, edited.version, "member:1", NOW)
    assert ensure_fans(conn, "ko", NOW + 2 * DAY) == fans.id
    assert list_segments(conn) == []


def test_fans_are_a_segment_that_is_made_once(conn: psycopg.Connection) -> None:
    made = ensure_fans(conn, "ko", NOW)
    assert ensure_fans(conn, "en", NOW) == made == find_fans(conn)
    assert [one.name for one in list_segments(conn)] == ["팬"]

"""Tracking calls as the known clients write them, and as nobody should."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dangol.listen.heard import Heard, IntakeRow, Parsed
from dangol.listen.request import MAX_ITEM, MAX_ITEMS
from dangol.listen.track import hear_track
from dangol.model.event import RESERVED_NAMES, Effect, event_key
from dangol.model.reason import RejectReason

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def hear(body: object, path: str = "/v1/batch", **meta: str) -> Parsed:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return hear_track(IntakeRow(7, NOW, "track", "key_a", {"path": path} | meta, raw))


def one(path: str, **call: Any) -> Heard:
    """The fact of one single call."""
    parsed = hear({"messageId": "m1"} | call, path)
    assert parsed.rejects == []
    return parsed.events[0]


def refusal(path: str, **call: Any) -> RejectReason:
    """Why one single call is refused."""
    parsed = hear({"messageId": "m1"} | call, path)
    assert parsed.events == []
    return parsed.rejects[0].reason


def test_a_track_call() -> None:
    heard = one("/v1/track", userId="u1", event="Song Played", properties={"title": "아리랑"})
    assert (heard.name, heard.user_id, heard.props) == ("Song Played", "u1", {"title": "아리랑"})
    assert (heard.time, heard.effect, heard.source) == (NOW, Effect.LIVE, "key_a")
    assert heard.key == event_key("key_a", "m1").hex


def test_identify_states_traits_wherever_the_client_puts_them() -> None:
    stated = {"email": "a@shop.example", "plan": None}
    beside = one("/v1/identify", userId="u1", traits=stated)
    inside = one("/v1/identify", userId="u1", context={"traits": stated})
    both = one("/v1/identify", userId="u1", traits=stated, context={"traits": {"x": 1}})
    assert beside.props == inside.props == both.props == stated
    assert beside.name == "Profile Updated"


def test_a_browsers_zone_and_locale_are_traits_of_weaker_standing() -> None:
    context = {"timezone": "Asia/Seoul", "locale": "ko-KR", "active": False, "userAgent": "x"}
    heard = one("/v1/identify", userId="u1", traits={"timezone": "UTC"}, context=context)
    assert heard.props == {
        "timezone": "UTC",
        "$timezone": "Asia/Seoul",
        "$locale": "ko-KR",
        "$active": False,
    }
    assert heard.utc_offset_min == 540


def test_page_and_screen_carry_their_titles() -> None:
    page = {"path": "/p", "title": "Home", "url": "https://s.example/p", "tab_url": "x"}
    heard = one("/v1/page", anonymousId="a", name="Home", category="Shop", context={"page": page})
    assert heard.name == "Page Viewed"
    assert heard.props["name"] == "Home"
    assert heard.props["url"] == "https://s.example/p"
    screen = one("/v1/screen", anonymousId="a", name="Main", properties={"n": 1})
    assert (screen.name, screen.props) == ("Screen Viewed", {"name": "Main", "n": 1})


def test_group_and_alias() -> None:
    group = one("/v1/group", userId="u1", groupId=12, traits={"name": "Acme"})
    assert group.props == {"group_id": "12", "traits": {"name": "Acme"}}
    alias = one("/v1/alias", userId="u1", previousId="a1")
    assert (alias.name, alias.previous_id) == ("Identity Linked", "a1")
    assert one("/v1/alias", userId="u1", previousId="u1").previous_id is None


def test_items_of_a_batch_share_its_context() -> None:
    item = {"type": "track", "event": "A", "userId": "u", "context": {"locale": "ko-KR"}}
    shared = {"locale": "en-US", "campaign": {"name": "spring"}}
    heard = hear({"batch": [item], "context": shared}).events[0]
    assert heard.props["context"] == {"locale": "ko-KR", "campaign": {"name": "spring"}}


def test_older_names_of_shop_events_are_made_current() -> None:
    assert one("/v1/track", userId="u", event="Completed Order").name == "Order Completed"


@pytest.mark.parametrize("absent", [None, "", "  ", "undefined", "null", "[object Object]"])
def test_ids_that_are_none_are_absent(absent: object) -> None:
    heard = one("/v1/track", event="A", userId=absent, anonymousId="a1")
    assert (heard.user_id, heard.anonymous_id) == (None, "a1")
    assert refusal("/v1/track", event="A", userId=absent) == RejectReason.NO_IDENTITY


def test_ids_of_numbers_become_text() -> None:
    assert one("/v1/track", event="A", userId=12, anonymousId=3.0).user_id == "12"


def test_an_identify_call_may_name_an_address_only() -> None:
    heard = one("/v1/identify", traits={"email": " Kim@Shop.Example "})
    assert heard.email == "kim@shop.example"
    named = one("/v1/identify", userId="u1", traits={"email": "kim@shop.example"})
    assert named.email is None


def test_an_item_without_an_id_is_identified_by_its_place() -> None:
    item = {"type": "track", "event": "A", "userId": "u"}
    keys = [event.key for event in hear({"batch": [item, item]}).events]
    assert len(set(keys)) == 2
    assert keys == [event.key for event in hear({"batch": [item, item]}).events]


@pytest.mark.parametrize(
    ("path", "call", "reason"),
    [
        ("/v1/track", {"userId": "u"}, RejectReason.NO_EVENT_NAME),
        ("/v1/track", {"userId": "u", "event": "  "}, RejectReason.NO_EVENT_NAME),
        ("/v1/track", {"userId": "u", "event": "x" * 201}, RejectReason.TOO_LARGE),
        ("/v1/track", {"userId": "u", "event": "a\0b"}, RejectReason.BAD_TEXT),
        ("/v1/track", {"userId": "u", "event": "A", "properties": [1]}, RejectReason.BAD_VALUE),
        ("/v1/track", {"userId": {"a": 1}, "event": "A"}, RejectReason.BAD_VALUE),
        ("/v1/track", {"userId": "u" * 501, "event": "A"}, RejectReason.BAD_VALUE),
        ("/v1/track", {"event": "A"}, RejectReason.NO_IDENTITY),
        ("/v1/identify", {"userId": "u", "traits": "x"}, RejectReason.BAD_VALUE),
        ("/v1/identify", {"traits": {"email": "no address"}}, RejectReason.NO_IDENTITY),
        ("/v1/group", {"userId": "u"}, RejectReason.MISSING_VALUE),
        ("/v1/alias", {"userId": "u"}, RejectReason.NO_PREVIOUS_ID),
        ("/v1/alias", {"previousId": "p"}, RejectReason.NO_IDENTITY),
        ("/v1/nonsense", {"userId": "u"}, RejectReason.UNKNOWN_TYPE),
    ],
)
def test_what_is_wrong_with_a_call_is_said(path: str, call: dict, reason: RejectReason) -> None:
    assert refusal(path, **call) == reason


@pytest.mark.parametrize("name", sorted(RESERVED_NAMES))
def test_facts_of_our_own_cannot_be_forged(name: str) -> None:
    for spelled in (name, name.upper(), f" {name} "):
        assert refusal("/v1/track", userId="u", event=spelled) == RejectReason.RESERVED_NAME


def test_one_bad_item_costs_nothing_but_itself() -> None:
    good = {"type": "track", "event": "A", "userId": "u"}
    large = good | {"properties": {"text": "x" * MAX_ITEM}}
    parsed = hear({"batch": [good, 7, None, large, {"type": "what"} | good | {"type": 1}, good]})
    assert len(parsed.events) == 2
    reasons = [reject.reason for reject in parsed.rejects]
    assert reasons == [
        RejectReason.NOT_AN_OBJECT,
        RejectReason.NOT_AN_OBJECT,
        RejectReason.TOO_LARGE,
        RejectReason.UNKNOWN_TYPE,
    ]
    assert all(reject.source == "key_a" for reject in parsed.rejects)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b'"\\ud800"', RejectReason.BAD_TEXT),
        (b'"\xff"', RejectReason.BAD_TEXT),
        (b"1e999", RejectReason.BAD_VALUE),
        (b'"\\u0000"', RejectReason.BAD_TEXT),
    ],
)
def test_text_and_numbers_that_nobody_can_store_cost_only_their_item(
    bad: bytes, reason: RejectReason
) -> None:
    good = b'{"type":"track","event":"A","userId":"u","messageId":"m"}'
    item = b'{"type":"track","event":"B","userId":"u","properties":{"x":%s}}' % bad
    parsed = hear(b'{"batch":[%s,%s]}' % (item, good))
    assert [event.name for event in parsed.events] == ["A"]
    assert [reject.reason for reject in parsed.rejects] == [reason]


def test_a_number_that_is_none_is_null() -> None:
    body = b'{"batch":[{"type":"track","event":"A","userId":"u","properties":{"x":NaN}}]}'
    assert hear(body).events[0].props == {"x": None}


def test_a_backslash_before_u0000_is_text() -> None:
    assert (
        one("/v1/track", userId="u", event="A", properties={"x": "\\u0000"}).props["x"] == "\\u0000"
    )


def test_more_items_than_a_batch_takes_are_left_out_and_said() -> None:
    item = {"type": "track", "event": "A", "userId": "u"}
    parsed = hear({"batch": [item] * (MAX_ITEMS + 3)})
    assert len(parsed.events) == MAX_ITEMS
    assert [reject.reason for reject in parsed.rejects] == [RejectReason.TOO_LARGE]


def test_times_follow_the_rules_of_both_families_of_clients() -> None:
    hour = timedelta(hours=1)
    sent = (NOW + hour).isoformat()  # this clock is an hour fast
    at = (NOW + hour - timedelta(minutes=5)).isoformat()
    segment = one("/v1/track", userId="u", event="A", timestamp=at, sentAt=sent)
    rudder = one("/v1/track", userId="u", event="A", originalTimestamp=at, sentAt=sent)
    assert segment.time == rudder.time == NOW - timedelta(minutes=5)
    explicit = (NOW - 3 * hour).isoformat()
    kept = one(
        "/v1/track", userId="u", event="A", originalTimestamp=at, timestamp=explicit, sentAt=sent
    )
    assert kept.time == NOW - 3 * hour


def test_the_sending_time_may_stand_in_a_header() -> None:
    sent = (NOW + timedelta(hours=1)).isoformat()
    call = {"userId": "u", "event": "A", "timestamp": sent, "messageId": "m"}
    assert hear(call, "/v1/track", sent_at=sent).events[0].time == NOW


def test_old_events_and_imports_are_history() -> None:
    old = (NOW - timedelta(days=2)).isoformat()
    assert one("/v1/track", userId="u", event="A", timestamp=old).effect == Effect.HISTORY
    item = {"type": "track", "event": "A", "userId": "u"}
    assert hear({"batch": [item]}, "/v1/import").events[0].effect == Effect.HISTORY


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(st.characters(), max_size=9),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4)
    ),
    max_leaves=12,
)
FIELDS = st.sampled_from(
    ["type", "event", "userId", "anonymousId", "messageId", "properties", "traits", "context",
     "timestamp", "sentAt", "originalTimestamp", "previousId", "groupId", "name", "category"]
)  # fmt: skip


@given(st.lists(st.dictionaries(FIELDS, JSON, max_size=8) | JSON, max_size=4), JSON)
def test_every_item_is_heard_or_refused_whatever_it_holds(items: list, context: object) -> None:
    parsed = hear({"batch": items, "context": context, "sentAt": context})
    assert len(parsed.events) + len(parsed.rejects) == len(items)
    for event in parsed.events:
        json.dumps(event.props, ensure_ascii=False).encode()
        assert event.time <= NOW


@given(st.binary(max_size=200))
def test_no_body_breaks_the_reading(body: bytes) -> None:
    for path in ("/v1/batch", "/v1/track"):
        hear(body, path)


@pytest.mark.parametrize("first", ["1", "NaN"])
@pytest.mark.parametrize(
    "bad", ["[" * 10_000 + "]" * 10_000, '{"a":' * 10_000 + "1" + "}" * 10_000, "9" * 20_000]
)
def test_an_item_that_nobody_can_read_costs_only_itself(first: str, bad: str) -> None:
    items = [
        f'{{"type":"track","userId":"u","event":"[A","properties":{{"x":{first}}}}}',
        f'{{"type":"track","userId":"u","event":"B","properties":{{"x":{bad}}}}}',
        '{"type":"track","userId":"u","event":"C}"}',
    ]
    parsed = hear(f'{{"batch":[{",".join(items)}]}}'.encode())
    assert [event.name for event in parsed.events] == ["[A", "C}"]
    assert [refused.reason for refused in parsed.rejects] == [RejectReason.BAD_VALUE]


@pytest.mark.parametrize(
    "stated", ["2262-04-11T23:47:16Z", "1899-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "soon", 1e18]
)
def test_an_event_whose_time_cannot_be_right_is_kept_and_its_sender_is_told(stated: object) -> None:
    good = {"type": "track", "userId": "u", "event": "A", "timestamp": "2026-11-21T11:00:00Z"}
    bad = good | {"event": "B", "timestamp": stated}
    parsed = hear({"batch": [good, bad, bad | {"messageId": "m"}]})
    assert [heard.time for heard in parsed.events] == [NOW - timedelta(hours=1), NOW, NOW]
    (told,) = parsed.rejects
    assert told.reason is RejectReason.TIME_REPLACED
    assert told.source == "key_a"
    assert told.detail.startswith("Kept, with the time of arrival: 2 of 3 ")
    assert b'"B"' in told.item


@pytest.mark.parametrize("stated", [None, "2026-11-21T12:00:07Z", "2026-11-22T11:00:00Z"])
def test_no_time_and_a_clock_that_is_a_little_ahead_need_no_word(stated: object) -> None:
    heard = one("/v1/track", userId="u", event="A", timestamp=stated)
    assert heard.time == NOW

"""Campaigns at the desk: draft, launch, results with people behind each number, and why."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from psycopg.types.json import Jsonb

from dangol.decide.campaign.past.moving import move_messages
from dangol.store.brand import Brand, save_brand
from dangol.store.keyring import load_keyring
from dangol.web.signin.role import Role
from tests.integration.web.test_letters import form_of
from tests.integration.web.test_numbers import check_numbers

NOW = datetime.now(UTC)


@pytest.fixture
def draft(desk, add_customer) -> str:
    """A draft to everyone with a letter that may go out."""
    for number in range(5):
        add_customer(f"손님 {number}", "active", traits={"email": f"c{number}@mail.example"})
    brand = Brand(
        name="단골 커피", sender_email="hi@shop.example", reply_domain="in.shop.example",
        postal_address="서울", phone="02-123-4567", email="hi@shop.example",
    )  # fmt: skip
    save_brand(desk.conn, brand, by="test", now=NOW)
    desk.conn.commit()
    desk.sign_in(Role.MARKETER)
    letter = desk.post("/letters", name="소식", kind="service", locale="ko")
    desk.post(letter, **form_of(desk.get(letter)) | {"subject": "소식", "do": "save"})
    letter_id = letter.rsplit("/", 1)[1]
    return desk.post("/campaigns", name="봄", letter=letter_id, segment="")


def set_states(desk, url: str) -> None:
    """Messages as planning and dispatch would leave them."""
    row = desk.conn.execute("select send_id from campaign").fetchone()
    states = [("accepted", None), ("silent", "no_consent"), ("deferred", "quiet_hours"),
              ("uncertain", None), ("silent", "too_often")]  # fmt: skip
    for number, (state, reason) in enumerate(states, 1):
        desk.conn.execute(
            "insert into message (bucket, send_id, customer_id, state, reason, due_at, planned_at) "
            "values (%s, %s, %s, %s, %s, now(), now())",
            [number, row[0], number, state, reason],
        )
    desk.conn.execute("update campaign set state = 'done', planned_at = now()")
    desk.conn.commit()


def test_a_draft_is_launched_and_its_numbers_open_their_people(desk, draft, settings):
    page = desk.get(draft)
    assert "Nothing stands in the way" in page
    assert desk.post(f"{draft}/launch") == draft
    set_states(desk, draft)
    assert check_numbers(desk, draft) == 6
    messages = desk.get(f"{draft}/messages?state=silent&reason=no_consent")
    assert "no consent" in messages
    desk.conn.execute("update message set response = '250 2.0.0 kept' where state <> 'silent'")
    desk.conn.commit()
    assert desk.get(f"{draft}/messages").count("250 2.0.0") == 2, "not where all went well"
    why = re.search(r'href="([^"]+/why/\d+)"', messages)[1]
    assert "no consent" in desk.get(why)
    desk.get(f"{draft}/why/999", 404)
    desk.get(f"{draft}/results")
    shown = [f"{draft}/messages", f"{draft}/messages.csv", why, f"{draft}/why/1", "/customers/1/messages"]
    before = [main_of(desk.get(url)) for url in shown]
    long_ago = NOW - timedelta(days=40)
    desk.conn.execute("update send set state = 'closed'")
    desk.conn.execute("update campaign set finished_at = %s", [long_ago])
    desk.conn.commit()
    assert move_messages(settings, load_keyring(settings.keyring_path), NOW) == 3
    assert [main_of(desk.get(url)) for url in shown] == before
    assert check_numbers(desk, draft) == 6
    desk.get(f"{draft}/why/999", 404)


def main_of(page: str) -> str:
    """What a page says, without the marks of the visit."""
    return re.sub(r'name="csrf" value="[^"]+"', "", page[page.find("<main") :])


def test_what_stands_against_a_launch_is_said(desk, draft):
    desk.conn.execute("update setting set value = jsonb_set(value, '{sender_email}', '\"\"')")
    desk.conn.commit()
    assert "There is no sender yet" in desk.get(draft)
    page = desk.post(f"{draft}/launch", 422)
    assert "It cannot start yet" in page
    assert desk.conn.execute("select state from campaign").fetchone()[0] == "draft"


@pytest.mark.parametrize(
    ("when", "stored"),
    [("now", {}), ("moment", {"at": "2031-03-01T00:00:00Z"}),
     ("local", {"day": "2031-03-01", "local_time": "09:00:00"})],
)  # fmt: skip
def test_three_ways_to_say_when(desk, draft, when, stored):
    fields = form_of(desk.get(draft)) | {"when": when, "day": "2031-03-01", "time": "09:00"}
    desk.post(draft, **fields)
    assert desk.conn.execute("select schedule from campaign").fetchone()[0] == stored
    page = desk.get(draft)
    assert f'value="{when}" checked' in page
    if when != "now":
        assert 'value="09:00"' in page


def test_damaged_drafts_change_nothing(desk, draft):
    fields = form_of(desk.get(draft))
    for damage in (
        {"name": ""}, {"when": "moment", "day": "", "time": ""}, {"segment": "x"}, {"expected": "x"},
    ):  # fmt: skip
        desk.post(draft, 422, **fields | damage)
    desk.post(draft, **fields | {"name": "second"})
    desk.post(draft, 409, **fields | {"name": "third"})
    assert "second" in desk.get(draft)


def test_pause_resume_cancel_delete(desk, draft):
    desk.post(f"{draft}/pause", 409)
    desk.post(f"{draft}/launch")
    desk.post(f"{draft}/pause")
    assert "Paused" in desk.get(draft)
    desk.post(f"{draft}/resume")
    desk.post(f"{draft}/cancel")
    assert "Cancelled" in desk.get(draft)
    desk.post(f"{draft}/delete", 409)
    other = desk.post("/campaigns", name="x", letter="", segment="")
    assert "Choose a letter" in desk.get(other)
    desk.post(f"{other}/delete")
    desk.get(other, 404)
    assert "봄" in desk.get("/campaigns?q=봄")


def test_why_says_the_hour_and_what_it_came_from_and_the_room_for_contact(desk, draft):
    assert desk.post(f"{draft}/launch") == draft
    set_states(desk, draft)
    timing = {"from": "own", "hour": 9, "zone": "Asia/Seoul", "propensity": 0.9}
    tired = {"attention": 4.04, "needed": 6.0, "cost": 2.0, "stage": "active"}
    for who, state, reason, seen in (
        (1, "deferred", "best_hour", {"timing": timing}),
        (2, "silent", "needs_rest", tired),
        (3, "deferred", "best_hour", {"timing": {"from": "unknown", "hour": None, "zone": "UTC"}}),
        (4, "accepted", None, {"day": 0, "attention": 10.0}),
    ):
        desk.conn.execute(
            "update message set state = %s, reason = %s, seen = %s where customer_id = %s",
            [state, reason, Jsonb(seen), who],
        )
    desk.conn.commit()
    assert "Due at 9:00 on their clock (Asia/Seoul), a little before" in desk.get(f"{draft}/why/1")
    tired_page = desk.get(f"{draft}/why/2")
    assert "better left in peace for now" in tired_page
    assert "was 4.0; 6.0 or more is needed" in tired_page
    assert "no hours were known" in desk.get(f"{draft}/why/3")
    assert "needed" not in main_of(desk.get(f"{draft}/why/4"))
    assert "waits for the best hour" in desk.get(f"{draft}/messages?state=deferred")


def test_best_hours_are_a_choice_of_when(desk, draft):
    shown = form_of(desk.get(draft))
    assert desk.post(draft, **shown | {"when": "best", "day": "", "time": ""}) == draft
    assert re.search(r'value="best" checked', desk.get(draft))
    later = form_of(desk.get(draft)) | {"when": "best", "day": "2030-05-04", "time": "10:00"}
    assert desk.post(draft, **later) == draft
    row = desk.conn.execute("select schedule from campaign").fetchone()
    assert row[0] == {"at": "2030-05-04T01:00:00Z", "best_hour": True}

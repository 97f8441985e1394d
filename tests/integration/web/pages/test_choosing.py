"""Preferences, the letter in the browser, questions and pictures."""

import json
import re

import pytest

from dangol.model.consent import ConsentState
from dangol.speak.letter import service
from dangol.speak.letter.content import AnswerBy, Question, Variant
from tests.integration.web.pages.conftest import ADDRESS, CUSTOMER, NOW, Pages
from tests.unit.speak.letters import letter, text

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


def test_pause_has_an_end_and_can_be_ended(pages: Pages) -> None:
    link = pages.link("p")
    page = pages.post(link, do="pause", weeks="2")
    until = pages.standing().paused_until
    assert (until - NOW).days in (13, 14)
    assert "we are quiet until" in page
    assert "End the pause" in page
    pages.post(link, do="resume")
    assert pages.standing().paused_until is None


@pytest.mark.parametrize("weeks", ["", "3", "999999999999", "-1", "１"])
def test_pause_takes_only_what_is_offered(pages: Pages, weeks: str) -> None:
    pages.post(pages.link("p"), do="pause", weeks=weeks)
    assert pages.standing().paused_until is None


def test_topics_can_be_dropped_and_not_added(pages: Pages) -> None:
    link = pages.link("p")
    page = pages.get(link)
    assert "New beans" in page
    assert ADDRESS not in page
    page = pages.post(link, do="topics", topic_0="on")
    assert "no more letters about “events”" in page
    assert pages.standing().topics["events"]["state"] == "withdrawn"
    pages.post(link, do="topics", topic_0="on", topic_1="on")
    assert pages.standing().topics["events"]["state"] == "withdrawn"
    assert "Nothing was changed" in pages.post(link, do="topics", topic_0="on")


def test_leaving_is_on_the_page_too(pages: Pages) -> None:
    page = pages.post(pages.link("p"), do="out")
    assert "sends no news and no offers" in page
    assert pages.standing().consent is ConsentState.WITHDRAWN


def test_looking_at_preferences_changes_nothing(pages: Pages) -> None:
    before = pages.standing()
    pages.get(pages.link("p") + "?do=out")
    pages.post(pages.link("p"), do="nonsense")
    assert pages.standing() == before


def test_letter_in_the_browser_is_the_letter_without_a_pixel(pages: Pages) -> None:
    answer = pages.raw("GET", pages.link("v"))
    assert answer.status_code == 200
    assert "Hana" in answer.text
    assert "/o/" not in answer.text
    assert "/c/" in answer.text
    policy = answer.headers["content-security-policy"]
    assert "sandbox" in policy
    assert "allow-scripts" not in policy
    assert "set-cookie" not in answer.headers


def test_answer_by_link_is_confirmed_by_a_form(pages: Pages) -> None:
    question = Question("How was it, {{ customer.name }}?", ("Good", "Bad"), AnswerBy.LINK)
    asking = Variant("Hi", "", (text("x"), question))
    pages.send(13, letter(asking))
    link = pages.link("q", 1, send=13)
    page = pages.get(link + "?answer=1")
    assert re.search(r'value="1" checked', page)
    count = "select count(*) from intake where kind = 'system'"
    assert pages.conn.execute(count).fetchone() == (0,)
    assert "has reached us" in pages.post(link, answer="1", comment=" too <b>dark</b>\0 ")
    pages.conn.rollback()
    [row] = pages.conn.execute("select body from intake where kind = 'system'").fetchall()
    [fact] = json.loads(row[0])
    assert fact["name"] == "Survey Answered"
    assert fact["customer_id"] == CUSTOMER
    assert fact["props"] == {
        "send_id": 13,
        "question": 1,
        "prompt": "How was it, Hana?",
        "choice": "Bad",
        "comment": "too <b>dark</b>",
    }
    pages.get(pages.link("q", 0, send=13), 404)
    pages.get(pages.link("q", 9, send=13), 404)
    assert "<form" in pages.post(link, answer="7")


def test_pictures_are_served_as_pictures_only(pages: Pages) -> None:
    kept = service.save_picture(pages.conn, "cup.png", PNG, by="m", now=NOW)
    pages.conn.execute("update blob set name = 'x.html' where id = %s", [kept])
    pages.conn.commit()
    answer = pages.raw("GET", f"/b/{kept}")
    assert (answer.status_code, answer.content) == (200, PNG)
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"
    pages.conn.execute(
        "update blob set content_type = 'text/html', data = '<script>' where id = %s", [kept]
    )
    pages.conn.commit()
    for path in [f"/b/{kept}", "/b/nonsense", "/b/00000000-0000-0000-0000-000000000000"]:
        assert pages.raw("GET", path).status_code == 404

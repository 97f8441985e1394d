"""The tutorial, step by step, in a real browser: from the first start to an answered answer."""

import re
import time
import urllib.request
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.browser import chromium, sign_in
from tests.acceptance.conftest import wait_until

__all__ = ["chromium"]

KEEPER = "hangyul1@"
"""How the address of 정한결 begins: the regular who gets the letter, answers it and leaves."""
SIX = {
    "정한결": ["Regular", "Came on 12 days"],
    "오하나": ["Gone", "Came once", "Quiet for 401 days"],
    "박서운": ["Regular", "Came on 5 days", "원두 봉투가 또 터졌어요"],
    "최소개": ["Regular", "Came on 8 days", "Brought a friend"],
    "윤밤": ["Regular", "Came on 10 days", "03:15"],
    "한그만": ["took it back", "the address is blocked"],
}
"""The people whom `docs/tutorial.md` describes, and what is to be seen of each."""
WORDS = {
    "/": "답을 기다리는 손님",
    "/customers": "이름, 초성, 이메일, 전화번호 뒷자리",
    "/segments": "손님 묶음",
    "/letters": "단골 안부",
    "/campaigns": "한 번 보내기",
    "/answers": "답장",
    "/mailbox": "연습 편지함",
}
"""What stands on the pages of the tutorial in Korean."""


@pytest.mark.timeout(300)
def test_the_tutorial_leads_to_an_answered_answer(up, chromium) -> None:
    running = up("--demo")
    page = sign_in(chromium, running, locale="en-GB")
    expect(page.get_by_role("heading", name="Where customers stand")).to_be_visible(timeout=60_000)
    expect(page.locator("main")).not_to_contain_text(re.compile(r"\b0 ?%"))

    for name, facts in SIX.items():
        check_person(page, name, facts)
    allow_any_hour(page)
    write_letter(page)
    blocked = count_blocked(page)
    send_campaign(page, "Greetings")
    letter = find_mail(page, KEEPER)
    answer_as_customer(page, "예가체프 두 봉지 부탁드려요!")
    answer_from_desk(page, "예가체프 두 봉지 부탁드려요!", "내일 보내 드릴게요.")
    answer = find_mail(page, KEEPER, subject="Re: ")
    assert letter["Message-ID"] in answer["References"]
    assert answer["In-Reply-To"] in answer["References"]
    assert answer["In-Reply-To"] != letter["Message-ID"]

    leave(letter)
    find_person(page, "정한결")
    expect(page.locator("main")).to_contain_text("took it back")
    assert count_blocked(page) == blocked + 1
    check_korean(page)


def find_person(page: Page, name: str) -> None:
    """Look somebody up by name and open the page about them."""
    page.goto("/customers")
    page.get_by_role("searchbox").fill(name)
    page.keyboard.press("Enter")
    page.get_by_role("link", name=name, exact=True).click()
    expect(page.locator("h1")).to_have_text(name)


def check_person(page: Page, name: str, facts: list[str]) -> None:
    """What the tutorial says about somebody is to be seen."""
    find_person(page, name)
    for fact in facts:
        expect(page.locator("main")).to_contain_text(fact)


def allow_any_hour(page: Page) -> None:
    """Switch the quiet hours off, as somebody would who tries things out at night."""
    page.goto("/settings/sending")
    page.get_by_label("Quiet from").fill("00:00")
    page.get_by_label("until", exact=True).fill("00:00")
    page.locator("form", has=page.get_by_label("Quiet from")).get_by_role("button").click()
    expect(page.locator(".said")).to_contain_text("Saved")


def write_letter(page: Page) -> None:
    """A new letter in Korean with the reader's name, a button and a question."""
    page.goto("/letters")
    page.get_by_label("Name for the team").fill("단골 안부")
    page.get_by_label("What it is").select_option(label="News")
    page.get_by_role("button", name="Begin").click()
    page.get_by_label("Subject").fill("이번 주 원두 이야기")
    page.get_by_label("Subject").press("Home")
    page.get_by_role("button", name="Name", exact=True).click()
    page.get_by_role("button", name="+ Question").click()
    page.get_by_label("Your question").fill("요즘 어떤 원두를 드시나요?")
    page.get_by_role("button", name="Save").last.click()
    expect(page.locator(".said")).to_contain_text("saved")
    expect(page.get_by_text("Nothing stands in the way.")).to_be_visible()


def send_campaign(page: Page, name: str) -> None:
    """The letter to everyone who is a regular: counted, launched, and followed to the end."""
    reached = begin_campaign(page, name)
    assert reached > 0
    page.get_by_role("button", name="Launch").click()
    expect(page.locator(".said")).to_contain_text("on its way")
    sent = page.locator("#results li", has_text=re.compile(r"^\s*sent"))
    expect(sent.locator("a")).to_have_text(str(reached), timeout=60_000)
    sent.locator("a").click()
    expect(page.locator("[data-total]")).to_have_attribute("data-total", str(reached))


def begin_campaign(page: Page, name: str) -> int:
    """A draft to all regulars; how many of them would get it."""
    page.goto("/campaigns")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("To", exact=True).select_option(label="단골")
    page.get_by_label("Letter", exact=True).select_option(label="단골 안부")
    page.get_by_role("button", name="Go on").click()
    expect(page.locator(".big")).to_be_visible()
    return int(page.locator(".big").inner_text().replace(",", ""))


def count_blocked(page: Page) -> int:
    """How many regulars a new campaign leaves out because they do not want it."""
    begin_campaign(page, "Who may get it")
    row = page.locator("main li", has_text="the address is blocked")
    return int(row.locator(".number").inner_text())


def find_mail(page: Page, address: str, subject: str = "") -> EmailMessage:
    """Open the newest mail to somebody in the practice mailbox, and return it as it came."""
    row = page.locator("main tbody tr", has_text=address).filter(has_text=subject)

    def look() -> bool:
        page.goto("/mailbox?q=" + whole_address(page, address))
        return row.count() > 0

    wait_until(look, timeout=30, why=lambda: f"no mail for {address}")
    row.first.get_by_role("link").click()
    raw = page.request.get(page.url + "/raw").body()
    return message_from_bytes(raw, policy=policy.default)


def whole_address(page: Page, start: str) -> str:
    """The address in the practice shop that begins with `start`."""
    html = page.request.get("/customers?q=" + start.rstrip("@")).text()
    return re.search(re.escape(start) + r"[\w.-]+", html)[0]


def answer_as_customer(page: Page, text: str) -> None:
    """Answer the open mail; it waits at the desk within two seconds."""
    page.get_by_label("Your words").fill(text)
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator(".said")).to_contain_text("The answer is sent")
    arrived = time.monotonic()
    wait_until(
        lambda: text in page.request.get("/answers").text(),
        timeout=20,
        why=lambda: "the answer waits for nobody",
    )
    assert time.monotonic() - arrived < 2


def answer_from_desk(page: Page, text: str, words: str) -> None:
    """Open the answer that waits and answer it."""
    page.goto("/answers")
    page.locator("li", has_text=text).get_by_role("link").first.click()
    page.get_by_label("Your words").fill(words)
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator(".bubble.ours")).to_contain_text(words)


def leave(letter: EmailMessage) -> None:
    """Unsubscribe as a mail program does: one POST without a cookie, after a look that does nothing."""
    url = re.search(r"<(http[^>]+)>", letter["List-Unsubscribe"])[1]
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    with urllib.request.urlopen(url, timeout=20) as shown:
        assert "수신거부" in shown.read().decode()
    asked = urllib.request.Request(url, data=b"List-Unsubscribe=One-Click", method="POST")
    with urllib.request.urlopen(asked, timeout=20) as done:
        assert done.status == 200


def check_korean(page: Page) -> None:
    """The same desk in Korean."""
    page.goto("/")
    page.get_by_role("button", name="한국어").first.click()
    expect(page.locator("html")).to_have_attribute("lang", "ko")
    for url, words in WORDS.items():
        assert words in page.request.get(url).text(), url
    find_person(page, "정한결")
    expect(page.locator("main")).to_contain_text("철회함")

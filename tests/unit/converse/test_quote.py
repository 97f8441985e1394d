"""The answer alone, for the mail programs that customers use."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dangol.converse.quote import answer_of

QUOTED = "> 새 원두가 왔어요.\n> 드셔 보세요."


@pytest.mark.parametrize(
    "introduction",
    [
        "On Mon, 2 Mar 2026 at 09:00, 단골 커피 <r+abc@in.example> wrote:",
        "On Mon, 2 Mar 2026 at 09:00, 단골 커피 with a long name\n<r+abcdefghijklmnopqrstuvwxyz@in.example> wrote:",
        "On 2 Mar 2026, at 09:00, Shop wrote:",
        "2026년 3월 2일 (월) 오전 9:00, 단골 커피 <r+abc@in.example>님이 작성:",
        "2026년 3월 2일 (월) 오전 9:00, 단골 커피\n<r+abc@in.example>님이 작성:",
        "2026. 3. 2. 오전 9:00, 단골 커피 <r+abc@in.example> 작성:",
        "단골 커피 <r+abc@in.example>님이 작성:",
        "-----Original Message-----\nFrom: 단골 커피\nTo: kim\nSent: 2026-03-02\nSubject: 새 원두",
        "----- 원본 메일 -----\n보낸사람 : 단골 커피\n받는사람 : kim\n날짜 : 2026-03-02\n제목 : 새 원두",
        "-----원본 메시지-----\n보낸 사람: 단골 커피\n보낸 날짜: 2026년 3월 2일\n받는 사람: kim\n제목: 새 원두",
        "________________________________\n보낸 사람: 단골 커피 <r@in.example>\n보낸 날짜: 2026년 3월 2일\n받는 사람: kim\n제목: 새 원두",
        "From: Shop <r@in.example>\nSent: Monday\nTo: kim\nSubject: Beans",
        "*From:* Shop <r@in.example>\n*Sent:* Monday\n*To:* kim\n*Subject:* Beans",
        "---------- Forwarded message ---------\nFrom: Shop",
        "Am 02.03.26 um 09:00 schrieb Shop <r@in.example>:",
        "Le lun. 2 mars 2026 à 09:00, Shop <r@in.example> a écrit :",
        "2026年3月2日(月) 9:00 Shop <r@in.example>のメッセージ:",
    ],
)
def test_what_stands_below_the_introduction_is_dropped(introduction):
    assert (
        answer_of(f"네, 두 봉지요!\n고맙습니다.\n\n{introduction}\n\n{QUOTED}")
        == "네, 두 봉지요!\n고맙습니다."
    )


@pytest.mark.parametrize(
    "closing",
    [
        "Sent from my iPhone",
        "나의 iPhone에서 보냄",
        "내 Galaxy에서 보냄",
        "네이버 메일 앱에서 보냈습니다.",
        "-- \nKim\nSeoul",
        "Get Outlook for iOS",
    ],
)
def test_signatures_and_app_lines_are_dropped(closing):
    assert (
        answer_of(f"Two bags please.\n\n{closing}\n\nOn Mon, Shop wrote:\n> tea?")
        == "Two bags please."
    )


def test_answers_between_and_below_the_quotation_are_kept():
    between = "On Mon, Shop wrote:\n> Tea?\nNo.\n> Coffee?\nYes, two."
    assert answer_of(between) == "No.\nYes, two."
    assert answer_of("> Tea?\n\nNo, coffee.") == "No, coffee."


@pytest.mark.parametrize(
    "text",
    [
        "From: my heart, thank you",
        "On Monday I wrote:\nplease call me",
        "Date: next week?\nI can come by.",
        "제목: 이 따로 없네요. 받는 사람이 저 맞나요?",
        "1. 두 봉지\n2. 핸드드립용\n- 끝",
    ],
)
def test_ordinary_words_are_not_taken_for_quotation(text):
    assert answer_of(text) == text


def test_a_mail_of_nothing_but_quotation_is_shown_whole():
    assert answer_of(QUOTED) == QUOTED
    assert answer_of("") == ""


@given(st.text(max_size=300), st.text(max_size=300))
@settings(deadline=None)
def test_own_words_come_first_and_nothing_is_invented(above, below):
    found = answer_of(f"{above}\n\nOn Mon, 2 Mar 2026, Shop wrote:\n{below}")
    for line in found.split("\n"):
        assert line.strip() in f"{above}\n{below}\nOn Mon, 2 Mar 2026, Shop wrote:"

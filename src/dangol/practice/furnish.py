"""What stands in the practice shop on the first day: its name, segments, a letter and a draft."""

from datetime import datetime
from typing import Any

import psycopg

from dangol.decide.campaign.model import Draft
from dangol.decide.campaign.service import create_campaign
from dangol.know.segment.service import create_segment
from dangol.practice.mark import ACTOR
from dangol.speak.letter.content import Letter, parse_letter
from dangol.speak.letter.service import create_letter
from dangol.store.brand import Brand, read_brand, save_brand

BRAND = Brand(
    name="느린아침 로스터스",
    legal_name="느린아침 로스터스 (연습용 가게)",
    sender_name="느린아침 로스터스",
    sender_email="hello@slowmorning.example",
    email="hello@slowmorning.example",
    phone="02-0000-0000",
    postal_address="서울특별시 마포구 느린길 12",
    site_url="https://slowmorning.example",
    reply_domain="reply.slowmorning.example",
)

_REGULARS = {"kind": "stage", "in": ["loyal"]}
_ORDER = "Order Completed"
SEGMENTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("단골", _REGULARS),
    ("뜸해진 손님", {"kind": "stage", "in": ["lapsing"]}),
    ("최근 30일에 주문한 손님", {"kind": "did", "name": _ORDER, "within": {"days": 30}}),
    (
        "한 번만 주문한 손님",
        {"kind": "did", "name": _ORDER, "times": {"op": "eq", "value": 1}},
    ),
    (
        "마포구에 살면서 3만 원 넘게 두 번 이상 주문한 손님",
        {
            "kind": "all",
            "of": [
                {"kind": "trait", "name": "district", "op": "eq", "value": "마포구"},
                {
                    "kind": "did",
                    "name": _ORDER,
                    "times": {"op": "ge", "value": 2},
                    "where": [{"name": "total", "op": "gt", "value": 30_000}],
                },
            ],
        },
    ),
)

LETTER: dict[str, Any] = {
    "kind": "thanks",
    "advertises": True,
    "variants": {
        "ko": {
            "subject": "{{ customer.name | honorific }}, 늘 찾아 주셔서 고맙습니다",
            "preheader": "이번 주에 볶은 원두 이야기를 전해 드려요.",
            "blocks": [
                {
                    "type": "text",
                    "parts": [
                        {
                            "type": "paragraph",
                            "runs": [
                                {"text": "안녕하세요, {{ customer.name | honorific }}.\n"},
                                {"text": "느린아침입니다. ", "bold": True},
                                {"text": "이번 주에는 예가체프를 조금 더 밝게 볶았습니다."},
                            ],
                        }
                    ],
                },
                {"type": "button", "label": "이번 주 원두 보기", "href": "https://slowmorning.example/beans"},
                {"type": "question", "prompt": "요즘은 어떤 커피를 드시나요? 답장으로 알려 주세요."},
            ],
        },
        "en": {
            "subject": "Thank you for coming back",
            "preheader": "What we roasted this week.",
            "blocks": [
                {
                    "type": "text",
                    "parts": [
                        {
                            "type": "paragraph",
                            "runs": [
                                {"text": "Hello {{ customer.name | honorific }},\n"},
                                {"text": "we roasted the Yirgacheffe a little lighter this week."},
                            ],
                        }
                    ],
                },
                {"type": "button", "label": "See this week's beans", "href": "https://slowmorning.example/beans"},
                {"type": "question", "prompt": "What are you drinking these days? Just reply."},
            ],
        },
    },
}  # fmt: skip


def name_the_shop(conn: psycopg.Connection, now: datetime) -> None:
    """Give the installation the shop's name and address, where it has none yet."""
    if not read_brand(conn).name:
        save_brand(conn, BRAND, by=ACTOR, now=now)


def furnish(conn: psycopg.Connection, now: datetime) -> None:
    """Put segments, a letter to regulars and a draft of a campaign in place."""
    made = [
        create_segment(conn, name, definition, ACTOR, now).segment for name, definition in SEGMENTS
    ]
    stored = create_letter(conn, "단골에게 드리는 인사", read_letter(), by=ACTOR, now=now)
    draft = Draft(name="단골에게 감사 인사", segment_id=made[0].id, letter_id=stored.id)
    create_campaign(conn, draft, by=ACTOR, now=now)


def read_letter() -> Letter:
    """The letter as speak understands it."""
    return parse_letter(LETTER)

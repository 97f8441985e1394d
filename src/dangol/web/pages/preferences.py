"""What a person wants to receive: fewer topics, a pause, or nothing. By signed link, no login.

Whoever holds a forwarded letter can open this page; so it shows no personal data and only ever
reduces what is sent. More is agreed to by double opt-in.
"""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath

from dangol.errors import NotFound
from dangol.know.consent.service import Standing, get_standing, pause, resume, withdraw
from dangol.know.giving.referral import friend_token
from dangol.model.consent import ALL_TOPICS, ConsentState
from dangol.model.message import Channel
from dangol.web import words
from dangol.web.pages.recipient import Recipient, find_recipient, mask
from dangol.web.pages.showing import language_of, show
from dangol.web.pages.topics import list_topics
from dangol.web.pages.visit import MAX_FORM, Visit, read_form, visit

PAUSES = (1, 2, 4)
"""Weeks."""


class TopicChoice(msgspec.Struct, frozen=True):
    """One topic as this person has it."""

    key: str
    name: str
    is_on: bool


@get("/p/{token:str}", include_in_schema=False)
async def show_choices(request: Request, token: FromPath[str]) -> Response[Any]:
    """The page as things stand."""
    return await visit(request, lambda at: _page(at, token, _recipient(at, token), []))


@post("/p/{token:str}", include_in_schema=False, request_max_body_size=MAX_FORM, status_code=200)
async def choose(request: Request, token: FromPath[str]) -> Response[Any]:
    """Do one thing, and show exactly what changed."""
    form = await read_form(request)
    return await visit(request, lambda at: _change(at, token), form)


def _change(at: Visit, token: str) -> Response[Any]:
    recipient = _recipient(at, token)
    changes = {"pause": _pause, "resume": _resume, "topics": _drop_topics, "out": _leave}
    change = changes.get(at.form.get("do", ""))
    said: list[str] = []
    if change is not None and recipient.customer_id is not None:
        said = change(at, recipient)
    return _page(at, token, recipient, said)


def _pause(at: Visit, recipient: Recipient) -> list[str]:
    asked = at.form.get("weeks", "")
    if asked not in {str(weeks) for weeks in PAUSES}:
        return []
    until = at.now + timedelta(weeks=int(asked))
    at.conn.commit()
    pause(at.conn, at.journal, recipient.answer(ALL_TOPICS, "form"), until, at.now)
    return [_words(at, recipient)("pages.choose.did_pause", day=_day(at, until))]


def _resume(at: Visit, recipient: Recipient) -> list[str]:
    at.conn.commit()
    resume(at.conn, at.journal, recipient.answer(ALL_TOPICS, "form"), at.now)
    return [_words(at, recipient)("pages.choose.did_resume")]


def _leave(at: Visit, recipient: Recipient) -> list[str]:
    at.conn.commit()
    withdraw(at.conn, at.journal, recipient.answer(ALL_TOPICS, "form"), at.now)
    return []


def _drop_topics(at: Visit, recipient: Recipient) -> list[str]:
    choices = _topics(at, _standing(at, recipient), _locale(at, recipient))
    dropped = [
        choice
        for index, choice in enumerate(choices)
        if choice.is_on and f"topic_{index}" not in at.form
    ]
    t = _words(at, recipient)
    at.conn.commit()
    for choice in dropped:
        withdraw(at.conn, at.journal, recipient.answer(choice.key, "form"), at.now)
    if not dropped:
        return [t("pages.choose.did_nothing")]
    return [t("pages.choose.did_drop", topic=choice.name) for choice in dropped]


def _page(at: Visit, token: str, recipient: Recipient, said: list[str]) -> Response[Any]:
    locale = _locale(at, recipient)
    standing = _standing(at, recipient)
    until = standing.paused_until if standing else None
    return show(
        "preferences.html",
        locale,
        at.brand,
        token=token,
        said=said,
        address=mask(recipient.address),
        topics=_topics(at, standing, locale),
        pauses=PAUSES,
        paused_until=_day(at, until) if until and until > at.now else "",
        is_out=recipient.customer_id is None or _is_out(standing),
        friend_url=_friend_url(at, recipient),
    )


def _friend_url(at: Visit, recipient: Recipient) -> str:
    if recipient.customer_id is None:
        return ""
    return f"{at.base_url}/f/{friend_token(at.keyring, recipient.customer_id)}"


def _topics(at: Visit, standing: Standing | None, locale: str) -> list[TopicChoice]:
    states = standing.topics if standing else {}
    off = (ConsentState.WITHDRAWN, ConsentState.DENIED)
    return [
        TopicChoice(
            topic.key,
            topic.name(locale),
            states.get(topic.key, {}).get("state") not in off,
        )
        for topic in list_topics(at.conn)
    ]


def _recipient(at: Visit, token: str) -> Recipient:
    found = find_recipient(at.conn, at.keyring, "u", token)
    if found is None:
        raise NotFound()
    return found[0]


def _standing(at: Visit, recipient: Recipient) -> Standing | None:
    if recipient.customer_id is None:
        return None
    standings = get_standing(at.conn, recipient.customer_id)
    return next((found for found in standings if found.channel is Channel.EMAIL), None)


def _is_out(standing: Standing | None) -> bool:
    if standing is None:
        return False
    return standing.objected_at is not None or standing.consent is ConsentState.WITHDRAWN


def _locale(at: Visit, recipient: Recipient) -> str:
    return language_of(at.request, recipient.locale, at.brand.locale)


def _words(at: Visit, recipient: Recipient) -> Any:
    return words.words(_locale(at, recipient))


def _day(at: Visit, moment: datetime) -> str:
    return moment.astimezone(ZoneInfo(at.brand.zone)).date().isoformat()


ROUTES = [show_choices, choose]

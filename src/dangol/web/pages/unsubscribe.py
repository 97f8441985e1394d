"""The way out: a page with one button, and the one click of mail programs (RFC 8058).

GET changes nothing, since scanners follow every link. POST is acknowledged once the withdrawal
holds everywhere: committed, journaled, and behind every hand-off that had begun. No login, no
cookie, no question why.
"""

from datetime import timedelta
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath

from dangol.errors import NotFound
from dangol.know.consent.service import get_standing, grant, withdraw
from dangol.model.consent import ALL_TOPICS, ConsentState
from dangol.model.message import Channel
from dangol.store.token import seal, unseal
from dangol.web.pages.recipient import Recipient, find_letter, find_recipient, mask, scope_of
from dangol.web.pages.showing import HEADERS, language_of, show
from dangol.web.pages.topics import topic_name
from dangol.web.pages.visit import MAX_FORM, Visit, read_form, visit

UNDO = timedelta(minutes=10)
"""How long a slip of the finger can be taken back by the same link."""
_ONE_CLICK = ("List-Unsubscribe", "One-Click")


@get("/u/{token:str}", include_in_schema=False)
async def show_way_out(request: Request, token: FromPath[str]) -> Response[Any]:
    """The page with one button."""
    return await visit(request, lambda at: _ask(at, token))


@post("/u/{token:str}", include_in_schema=False, request_max_body_size=MAX_FORM, status_code=200)
async def go(request: Request, token: FromPath[str]) -> Response[Any]:
    """Unsubscribe: by the page's button, or in one click by a mail program."""
    form = await read_form(request)
    return await visit(request, lambda at: _unsubscribe(at, token), form)


@post(
    "/u/{token:str}/undo", include_in_schema=False, request_max_body_size=MAX_FORM, status_code=200
)
async def come_back(request: Request, token: FromPath[str]) -> Response[Any]:
    """Take an unsubscribe of the last minutes back."""
    form = await read_form(request)
    return await visit(request, lambda at: _undo(at, token), form)


def _ask(at: Visit, token: str) -> Response[Any]:
    recipient, scope = _recipient(at, token)
    return _page(at, recipient, "unsubscribe.html", token=token, scope=scope)


def _unsubscribe(at: Visit, token: str) -> Response[Any]:
    recipient, scope = _recipient(at, token)
    by_machine = at.form.get(_ONE_CLICK[0]) == _ONE_CLICK[1]
    if at.form.get("scope") == "all":
        scope = ALL_TOPICS
    before = _state(at, recipient, scope)
    if recipient.customer_id is not None:
        at.conn.commit()
        answer = recipient.answer(scope, "one_click" if by_machine else "form")
        withdraw(at.conn, at.journal, answer, at.now)
    if by_machine:
        return Response(b"", status_code=200, media_type="text/plain", headers=HEADERS)
    undo = _seal_undo(at, recipient, scope) if before is ConsentState.GRANTED else ""
    return _page(at, recipient, "unsubscribed.html", token=token, scope=scope, undo=undo)


def _undo(at: Visit, token: str) -> Response[Any]:
    recipient, _ = _recipient(at, token)
    said = unseal(at.keyring, "n", at.form.get("undo", ""))
    if said is None or said[:2] != (recipient.send_id, recipient.named_id):
        raise NotFound()
    scope = ALL_TOPICS if said[3] else recipient.topic
    if at.now.timestamp() - said[2] > UNDO.total_seconds() or recipient.customer_id is None:
        return _page(at, recipient, "unsubscribed.html", token=token, scope=scope, undo="")
    answer = recipient.answer(scope, "form")
    evidence = answer.evidence | {"undo_of": said[2]}
    at.conn.commit()
    grant(at.conn, at.journal, msgspec.structs.replace(answer, evidence=evidence), at.now)
    return _page(at, recipient, "resubscribed.html", token=token, scope=scope)


def _recipient(at: Visit, token: str) -> tuple[Recipient, str]:
    found = find_recipient(at.conn, at.keyring, "u", token)
    if found is None:
        raise NotFound()
    recipient, _ = found
    return recipient, scope_of(recipient, find_letter(at.conn, recipient))


def _state(at: Visit, recipient: Recipient, scope: str) -> ConsentState:
    """What held before: only a yes that was there can be undone to."""
    if recipient.customer_id is None:
        return ConsentState.UNKNOWN
    for standing in get_standing(at.conn, recipient.customer_id):
        if standing.channel is Channel.EMAIL:
            topic = standing.topics.get(scope, {}).get("state")
            return ConsentState(topic) if topic else standing.consent
    return ConsentState.UNKNOWN


def _seal_undo(at: Visit, recipient: Recipient, scope: str) -> str:
    is_all = int(scope == ALL_TOPICS)
    numbers = (recipient.send_id, recipient.named_id, int(at.now.timestamp()), is_all)
    return seal(at.keyring, "n", *numbers)


def _page(at: Visit, recipient: Recipient, template: str, **values: Any) -> Response[Any]:
    locale = language_of(at.request, recipient.locale, at.brand.locale)
    scope = values.pop("scope")
    topic = "" if scope == ALL_TOPICS else topic_name(at.conn, scope, locale)
    about = {"address": mask(recipient.address), "topic": topic}
    return show(template, locale, at.brand, **about, **values)


ROUTES = [show_way_out, go, come_back]

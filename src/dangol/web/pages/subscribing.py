"""Subscribing in two steps: a form, and a button behind a link that only the address gets.

Until the button is pressed nothing is known about anybody: a confirmation letter belongs to no
customer. One goes to an address per day at most, so that nobody floods a stranger with ours.
"""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.params import FromPath
from psycopg.types.json import Jsonb

from dangol.decide.campaign.sends import NewSend, create_send, queue_message
from dangol.errors import NotFound
from dangol.know.giving.referral import ask_referral, read_friend_token, take_asked
from dangol.listen.intake import append_intake
from dangol.model.address import normalise_email
from dangol.model.customer import bucket_of
from dangol.model.message import MessageKind
from dangol.speak.letter.content import Button, Letter, Paragraph, Run, Text, Variant
from dangol.speak.letter.headers import is_address
from dangol.speak.letter.phrases import languages, phrase
from dangol.speak.letter.service import keep_own_letter
from dangol.store.sql import load_queries
from dangol.store.token import unseal
from dangol.web import words
from dangol.web.pages.recipient import mask
from dangol.web.pages.showing import language_of, show
from dangol.web.pages.visit import MAX_FORM, Visit, read_form, visit

_SQL = load_queries(__package__)
_BY = "page:subscribe"
_LETTER_ID = UUID("5d0c1f7e-9b52-5c0e-8a65-0d6b0e8f5a11")
_NOBODY = 1 << 60
"""Above every customer id: the numbers by which unconfirmed addresses are told apart."""
VALID = timedelta(days=7)


@get("/subscribe", include_in_schema=False)
async def show_form(request: Request) -> Response[Any]:
    """The form."""
    return await visit(request, lambda at: _form(at, "", ""))


@post("/subscribe", include_in_schema=False, request_max_body_size=MAX_FORM, status_code=200)
async def ask(request: Request) -> Response[Any]:
    """Send the confirmation letter."""
    form = await read_form(request)
    return await visit(request, _ask, form)


@get("/f/{token:str}", include_in_schema=False)
async def show_invitation(request: Request, token: FromPath[str]) -> Response[Any]:
    """The form behind a customer's link for friends."""
    return await visit(request, lambda at: _invitation(at, token))


@post("/f/{token:str}", include_in_schema=False, request_max_body_size=MAX_FORM, status_code=200)
async def accept(request: Request, token: FromPath[str]) -> Response[Any]:
    """The same as subscribing, and who sent them is remembered."""
    form = await read_form(request)
    return await visit(request, lambda at: _ask(at, token), form)


@get("/s/{token:str}", include_in_schema=False)
async def show_button(request: Request, token: FromPath[str]) -> Response[Any]:
    """The page behind the link of the letter."""
    return await visit(request, lambda at: _button(at, token))


@post("/s/{token:str}", include_in_schema=False, request_max_body_size=MAX_FORM, status_code=200)
async def confirm(request: Request, token: FromPath[str]) -> Response[Any]:
    """Keep the consent, with what proves it."""
    return await visit(request, lambda at: _confirm(at, token))


def _form(at: Visit, problem: str, email: str, invitation: str = "") -> Response[Any]:
    status = 422 if problem else 200
    locale = language_of(at.request, at.brand.locale)
    values = {"problem": problem, "email": email, "invitation": invitation}
    return show("subscribe.html", locale, at.brand, status=status, **values)


def _invitation(at: Visit, token: str) -> Response[Any]:
    if read_friend_token(at.keyring, token) is None:
        raise NotFound()
    return _form(at, "", "", token)


def _ask(at: Visit, invitation: str = "") -> Response[Any]:
    referrer_id = read_friend_token(at.keyring, invitation) if invitation else None
    if invitation and referrer_id is None:
        raise NotFound()
    typed = at.form.get("email", "").strip()[:254]
    address = normalise_email(typed)
    if address is None or not is_address(address):
        return _form(at, "pages.join.bad_email", typed, invitation)
    if at.form.get("agree") != "yes":
        return _form(at, "pages.join.not_agreed", typed, invitation)
    locale = language_of(at.request, at.brand.locale)
    if not at.brand.sender_email:
        return _said(at, locale, "closed", address, status=503)
    send_id = _send_of_today(at)
    digest = at.keyring.address_hash("email", address)
    number = _NOBODY + int.from_bytes(digest[:7], "big")
    queue_message(at.conn, send_id, number, now=at.now, locale=locale, address=address)
    if referrer_id is not None:
        ask_referral(at.conn, number, referrer_id, at.now)
    at.conn.commit()
    return _said(at, locale, "sent", address)


def _button(at: Visit, token: str) -> Response[Any]:
    _, _, address, locale = _asked(at, token)
    language = language_of(at.request, locale, at.brand.locale)
    return show("confirm.html", language, at.brand, token=token, address=mask(address))


def _confirm(at: Visit, token: str) -> Response[Any]:
    send_id, number, address, locale = _asked(at, token)
    language = language_of(at.request, locale, at.brand.locale)
    agreed = words.text(language, "pages.join.agree", brand=at.brand.name)
    body = {
        "form": "subscribe",
        "email": address,
        "locale": language,
        "confirmed_at": at.now.isoformat(),
        "evidence": {"page": "subscribe", "agreed": agreed, "send_id": send_id},
        "referrer_id": take_asked(at.conn, number),
    }
    raw = json.dumps(body).encode()
    append_intake(at.conn, kind="form", source="pages", body=raw, at=at.now)
    at.conn.commit()
    return _said(at, language, "done", address)


def _asked(at: Visit, token: str) -> tuple[int, int, str, str | None]:
    numbers = unseal(at.keyring, "s", token)
    if numbers is None or len(numbers) != 2:
        raise NotFound()
    send_id, number = numbers
    key = {"send_id": send_id, "customer_id": number, "bucket": bucket_of(number)}
    row = at.conn.execute(_SQL.find_asked, key | {"since": at.now - VALID}).fetchone()
    if row is None or row[0] is None:
        raise NotFound()
    return send_id, number, row[0], row[1]


def _said(at: Visit, locale: str, what: str, address: str, *, status: int = 200) -> Response[Any]:
    values = {"brand": at.brand.name, "address": mask(address)}
    title, said = f"pages.join.{what}", [f"pages.join.{what}_text"]
    return show(
        "message.html", locale, at.brand, status=status, title=title, said=said, values=values
    )


def _send_of_today(at: Visit) -> int:
    """One send a day carries all confirmation letters, of the letter as it reads now."""
    letter = _letter()
    version = keep_own_letter(at.conn, _LETTER_ID, "Subscription", letter, now=at.now)
    made_of = {"day": at.now.date().isoformat(), "version": version}
    row = at.conn.execute(_SQL.hold_confirming_send).fetchone()
    if row and {name: row[0].get(name) for name in made_of} == made_of:
        return row[0]["send_id"]
    new = NewSend(
        kind="test",  # addressed directly, and nobody's: there is no customer yet
        message_kind=MessageKind.SERVICE,
        letter_id=_LETTER_ID,
        letter_version=version,
    )
    send_id = create_send(at.conn, new, by=_BY, now=at.now)
    at.conn.execute(_SQL.keep_confirming_send, {"value": Jsonb(made_of | {"send_id": send_id})})
    return send_id


def _letter() -> Letter:
    variants = {language: _variant(language) for language in languages()}
    return Letter(MessageKind.SERVICE, variants, tracks=False)


def _variant(language: str) -> Variant:
    text = Text((Paragraph((Run(phrase(language, "confirm_text")),)),))
    button = Button(phrase(language, "confirm_button"), "{{ link.confirm }}")
    return Variant(phrase(language, "confirm_subject"), "", (text, button))


ROUTES = [show_form, ask, show_invitation, accept, show_button, confirm]

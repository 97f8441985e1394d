"""A question of a letter, answered by link: a page with one form, and an event when it is sent."""

import json
from hashlib import sha256
from typing import Any

from litestar import Request, Response, get, post
from litestar.params import FromPath

from dangol.errors import NotFound
from dangol.listen.intake import append_intake
from dangol.speak.letter.content import Question, choose_locale
from dangol.speak.letter.names import Reader
from dangol.speak.letter.service import find_reader, show_text
from dangol.web.pages.recipient import Recipient, find_letter, find_recipient
from dangol.web.pages.showing import language_of, show
from dangol.web.pages.visit import MAX_FORM, Visit, read_form, visit

MAX_COMMENT = 2000


@get("/q/{token:str}", include_in_schema=False)
async def show_question(request: Request, token: FromPath[str]) -> Response[Any]:
    """The question with the choice of the link marked; nothing is recorded."""
    return await visit(request, lambda at: _ask(at, token))


@post("/q/{token:str}", include_in_schema=False, request_max_body_size=MAX_FORM, status_code=200)
async def take_answer(request: Request, token: FromPath[str]) -> Response[Any]:
    """Keep the answer."""
    form = await read_form(request)
    return await visit(request, lambda at: _answer(at, token), form)


def _ask(at: Visit, token: str) -> Response[Any]:
    recipient, _, question = _question(at, token)
    chosen = at.request.query_params.get("answer", "")
    return show(
        "question.html",
        language_of(at.request, recipient.locale, at.brand.locale),
        at.brand,
        token=token,
        prompt=question.prompt,
        choices=question.choices,
        chosen=int(chosen) if chosen.isascii() and chosen.isdigit() else -1,
    )


def _answer(at: Visit, token: str) -> Response[Any]:
    recipient, number, question = _question(at, token)
    chosen = at.form.get("answer", "")
    choice = ""
    if chosen.isascii() and chosen.isdigit() and int(chosen) < len(question.choices):
        choice = question.choices[int(chosen)]
    comment = at.form.get("comment", "").replace("\0", "").strip()[:MAX_COMMENT]
    if not choice and not comment:
        return _ask(at, token)
    if recipient.customer_id is not None and recipient.send_kind != "test":
        fact = _fact(at, recipient, number, question)
        fact["props"] |= {"choice": choice, "comment": comment}
        said = sha256(json.dumps(fact["props"]).encode("utf-8", "replace")).hexdigest()[:16]
        fact["message_id"] = f"answer:{recipient.send_id}:{recipient.named_id}:{number}:{said}"
        body = json.dumps([fact]).encode()
        append_intake(at.conn, kind="system", source="pages", body=body, at=at.now)
        at.conn.commit()
    locale = language_of(at.request, recipient.locale, at.brand.locale)
    said_keys = ["pages.ask.thanks_text"]
    return show(
        "message.html", locale, at.brand, title="pages.ask.thanks", said=said_keys, values={}
    )


def _fact(at: Visit, recipient: Recipient, number: int, question: Question) -> dict[str, Any]:
    props = {"send_id": recipient.send_id, "question": number, "prompt": question.prompt}
    return {
        "name": "Survey Answered",
        "time": at.now.isoformat(),
        "customer_id": recipient.customer_id,
        "props": props,
        "origin": f"send:{recipient.send_id}",
    }


def _question(at: Visit, token: str) -> tuple[Recipient, int, Question]:
    found = find_recipient(at.conn, at.keyring, "q", token)
    if found is None or len(found[1]) != 1:
        raise NotFound()
    recipient, (number,) = found
    letter = find_letter(at.conn, recipient)
    if letter is None:
        raise NotFound()
    locale = choose_locale(letter, recipient.locale, at.brand.locale)
    blocks = letter.variants[locale].blocks
    if number >= len(blocks) or not isinstance(blocks[number], Question):
        raise NotFound()
    return recipient, number, _shown(at, recipient, locale, blocks[number])


def _shown(at: Visit, recipient: Recipient, locale: str, question: Question) -> Question:
    """The question with the names of its reader in it, as it stood in the letter."""
    known = find_reader(at.conn, recipient.customer_id) if recipient.customer_id else None
    reader = known or Reader(recipient.named_id, recipient.address)

    def shown(text: str) -> str:
        return show_text(text, locale, reader, at.brand)

    choices = tuple(shown(choice) for choice in question.choices)
    return Question(shown(question.prompt), choices, question.answer_by)


ROUTES = [show_question, take_answer]

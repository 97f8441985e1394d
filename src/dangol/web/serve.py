"""From a request to an answer of the desk: session, role, origin, one transaction, a page.

Handlers are plain functions of a `Visit`; they run in a thread with a connection of the pool.
"""

import logging
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from http.cookies import SimpleCookie
from pathlib import Path
from secrets import compare_digest
from typing import Any, NamedTuple
from urllib.parse import parse_qs, quote, unquote

import msgspec
import psycopg
from litestar import Request, Response
from litestar.concurrency import sync_to_thread
from litestar.datastructures import Cookie, UploadFile
from psycopg_pool import PoolTimeout

from dangol.errors import Conflict, DangolError, InputError, NotFound, Refused
from dangol.store.brand import read_brand
from dangol.web import words
from dangol.web.answer import Answer, Document, Download, Move, Page, SignedIn, SignedOut
from dangol.web.query import QueryFailed
from dangol.web.render import render
from dangol.web.security import DOCUMENT_POLICY, comes_from_elsewhere, desk_headers
from dangol.web.signin.role import Role
from dangol.web.signin.service import SESSION_LASTS, Session, find_session
from dangol.web.visit import Given, Upload, Visit

_LOG = logging.getLogger(__name__)

SESSION_COOKIE = "dangol_session"
SAID_COOKIE = "dangol_said"
_STATUS = {InputError: 422, NotFound: 404, Refused: 409, Conflict: 409, QueryFailed: 503}


class Route(NamedTuple):
    """One line of the route map. `role` None: open to everyone."""

    method: str
    path: str
    answer: Callable[[Visit], Answer]
    role: Role | None


class Forbidden(DangolError):
    """Your role does not allow this; ask an owner of this desk."""


class NotSignedIn(DangolError):
    """Sign in first."""


class Expired(DangolError):
    """This form was open for too long, or came from another site; load the page again."""


class TooManyFields(DangolError):
    """No page of ours sends so many fields."""


class Rendered(msgspec.Struct):
    """An answer in HTTP's terms, made while the connection was still at hand."""

    body: bytes
    status: int
    headers: dict[str, str]
    content_type: str = "text/html; charset=utf-8"
    cookies: list[Cookie] = []


async def handle(route: Route, request: Request) -> Response:
    """Answer one request for `route`."""
    web = request.app.state
    if _is_upload(request) and not await sync_to_thread(_is_signed_in, web, request):
        return Response(b"", status_code=303, headers=desk_headers() | {"Location": "/sign-in"})
    try:
        async with _read(request) as given:
            made = await sync_to_thread(partial(_answer, route, web, given, request))
    except TooManyFields:
        locale = words.choose(request.headers.get("accept-language", ""))
        made = _bare(locale, datetime.now(UTC), "inputerror", 400)
    return Response(
        content=made.body,
        status_code=made.status,
        headers=made.headers,
        media_type=made.content_type,
        cookies=made.cookies,
    )


@asynccontextmanager
async def _read(request: Request) -> AsyncIterator[Given]:
    """What the request carries; uploads lie in a folder that goes when the answer is made."""
    form: dict[str, list[str]] = {}
    uploads: dict[str, Upload] = {}
    folder: Path | None = None
    try:
        if request.method == "POST" and _is_upload(request):
            folder = Path(tempfile.mkdtemp(prefix="upload-", dir=request.app.state.upload_dir))
            form, uploads = await _read_multipart(request, folder)
        elif request.method == "POST":
            body = (await request.body()).decode("utf-8", "replace")
            form = _fields(body, 2000)
        yield Given(
            method=request.method,
            path=request.url.path,
            parts={name: str(value) for name, value in request.path_params.items()},
            query=_without_nul(_fields(request.url.query, 200)),
            form=_without_nul(form),
            uploads=uploads,
            ip=request.client.host if request.client else "",
            is_htmx=request.headers.get("hx-request") == "true",
            base_url=str(request.base_url),
            accept_language=request.headers.get("accept-language", ""),
        )
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _fields(text: str, most: int) -> dict[str, list[str]]:
    try:
        return parse_qs(text, keep_blank_values=True, max_num_fields=most)
    except ValueError:
        raise TooManyFields() from None


async def _read_multipart(
    request: Request, folder: Path
) -> tuple[dict[str, list[str]], dict[str, Upload]]:
    form: dict[str, list[str]] = {}
    uploads: dict[str, Upload] = {}
    for name, value in (await request.form()).multi_items():
        if not isinstance(value, UploadFile):
            form.setdefault(name, []).append(str(value))
        elif value.filename:
            path = folder / str(len(uploads))
            size = 0
            with path.open("wb") as file:
                while chunk := await value.read(1 << 20):
                    size += len(chunk)
                    file.write(chunk)
            uploads[name] = Upload(Path(value.filename).name, path, size)
    return form, uploads


def _is_upload(request: Request) -> bool:
    return request.headers.get("content-type", "").startswith("multipart/")


def _is_signed_in(web: Any, request: Request) -> bool:
    """Files of strangers are not even read."""
    token = request.cookies.get(_cookie_name(request))
    with web.pool.connection() as conn:
        return bool(token) and find_session(conn, token, datetime.now(UTC)) is not None


def _answer(route: Route, web: Any, given: Given, request: Request) -> Rendered:
    """Everything between the request and the response, in a thread."""
    now = datetime.now(UTC)
    locale = words.choose(given.accept_language)
    try:
        with web.pool.connection() as conn:
            visit = Visit(
                conn=conn,
                now=now,
                settings=web.settings,
                keyring=web.keyring,
                journal=web.journal,
                given=given,
                locale=locale,
            )
            try:
                _admit(route, visit, request)
                answer = route.answer(visit)
            except DangolError as error:
                conn.rollback()
                answer = _problem(visit, error)
            made = _render(visit, answer, request)
            if made.status >= 400:
                conn.rollback()
            return made
    except (psycopg.OperationalError, PoolTimeout) as error:
        is_full = isinstance(error, psycopg.errors.DiskFull)
        return _bare(locale, now, "full" if is_full else "unavailable", 503)
    except Exception:
        _LOG.exception("%s %s broke", route.method, route.path)
        return _bare(locale, now, "broken", 500)


def _bare(locale: str, now: datetime, kind: str, status: int) -> Rendered:
    """A page that needs neither database nor session."""
    html = render("desk/error_bare.html", locale, "UTC", now, {"kind": kind})
    return Rendered(html.encode(), status, desk_headers() | {"Retry-After": "5"})


def _admit(route: Route, visit: Visit, request: Request) -> None:
    """Let the visitor in, or say why not.

    Raises:
        NotSignedIn: the route needs a role and there is no session.
        Forbidden: the role is too small.
        Expired: a change was asked for without this session's token, or by another site.
    """
    token = request.cookies.get(_cookie_name(request))
    visit.session = find_session(visit.conn, token, visit.now) if token else None
    if visit.session:
        visit.locale = visit.session.locale
        visit.conn.commit()  # seen-at stays whatever becomes of the request
    if route.role is not None and visit.session is None:
        raise NotSignedIn()
    if route.method == "POST":
        _refuse_forgery(visit.session, request, visit)
    if route.role is not None and not visit.may(route.role):
        raise Forbidden()


def _refuse_forgery(session: Session | None, request: Request, visit: Visit) -> None:
    headers = {name.lower(): value for name, value in request.headers.items()}
    if comes_from_elsewhere(headers, headers.get("host", "")):
        raise Expired()
    if session is not None:
        sent = headers.get("x-csrf-token") or visit.form("csrf")
        if not compare_digest(sent.encode(), session.csrf_token.encode()):
            raise Expired()


def _problem(visit: Visit, error: DangolError) -> Answer:
    """The page for an error: what happened and what to do."""
    if isinstance(error, NotSignedIn):
        wanted = visit.given.path if visit.given.method == "GET" else "/"
        return Move(f"/sign-in?next={quote(wanted)}")
    if isinstance(error, Forbidden):
        return Page("desk/error.html", {"kind": "forbidden", "detail": ""}, 403)
    if isinstance(error, Expired):
        return Page("desk/error.html", {"kind": "expired", "detail": ""}, 403)
    for kind, status in _STATUS.items():
        if isinstance(error, kind):
            plain = error.sentence == (kind.__doc__ or "")
            values = {"kind": kind.__name__.lower(), "detail": "" if plain else visit.say(error)}
            return Page("desk/error.html", values, status)
    return Page("desk/error.html", {"kind": "broken", "detail": visit.say(error)}, 500)


def _render(visit: Visit, answer: Answer, request: Request) -> Rendered:
    match answer:
        case Page():
            return _page(visit, answer, request)
        case Move():
            cookies = [_said(answer)] if answer.said else []
            return _redirect(visit, answer.url, cookies)
        case Download():
            disposition = f"attachment; filename*=UTF-8''{quote(answer.name)}"
            headers = desk_headers() | {"Content-Disposition": disposition}
            return Rendered(answer.body, 200, headers, answer.content_type)
        case Document():
            return Rendered(answer.html.encode(), 200, desk_headers(DOCUMENT_POLICY))
        case SignedIn():
            return _redirect(visit, answer.url, [_session_cookie(request, answer.token)])
        case SignedOut():
            return _redirect(visit, answer.url, [_session_cookie(request, "")])


def _page(visit: Visit, page: Page, request: Request) -> Rendered:
    said = _read_said(visit, request)
    brand = read_brand(visit.conn)
    shared = {
        "visit": visit,
        "session": visit.session,
        "brand": brand,
        "said": said,
        "Role": Role,
        "is_part": visit.given.is_htmx,
        "path": visit.given.path,
    }
    html = render(page.template, visit.locale, brand.zone, visit.now, shared | page.values)
    cookies = [Cookie(SAID_COOKIE, value="", max_age=0, path="/")] if said else []
    return Rendered(html.encode(), page.status, desk_headers(), cookies=cookies)


def _redirect(visit: Visit, url: str, cookies: list[Cookie]) -> Rendered:
    if visit.given.is_htmx:
        return Rendered(b"", 200, desk_headers() | {"HX-Redirect": url}, cookies=cookies)
    return Rendered(b"", 303, desk_headers() | {"Location": url}, cookies=cookies)


def _said(move: Move) -> Cookie:
    body = msgspec.json.encode([move.said, move.values])
    return Cookie(
        SAID_COOKIE, value=quote(body), max_age=60, path="/", httponly=True, samesite="lax"
    )


def _read_said(visit: Visit, request: Request) -> str:
    """The words about what was just done; an unknown or damaged note says nothing."""
    raw = SimpleCookie(request.headers.get("cookie", "")).get(SAID_COOKIE)
    if raw is None or not raw.value:
        return ""
    try:
        key, values = msgspec.json.decode(unquote(raw.value), type=tuple[str, dict[str, str | int]])
        return visit.t(key, **values)
    except (msgspec.DecodeError, KeyError, ValueError, IndexError):
        return ""


def _cookie_name(request: Request) -> str:
    return f"__Host-{SESSION_COOKIE}" if _is_https(request) else SESSION_COOKIE


def _session_cookie(request: Request, token: str) -> Cookie:
    return Cookie(
        _cookie_name(request),
        value=token,
        max_age=int(SESSION_LASTS.total_seconds()) if token else 0,
        path="/",
        httponly=True,
        samesite="lax",
        secure=_is_https(request),
    )


def _is_https(request: Request) -> bool:
    """Whether the browser's side is HTTPS, as far as we or a proxy of this machine can tell."""
    nearby = request.client is not None and request.client.host in ("127.0.0.1", "::1")
    told = request.headers.get("x-forwarded-proto", "") if nearby else ""
    return (told or request.url.scheme) == "https"


def _without_nul(form: dict[str, list[str]]) -> dict[str, list[str]]:
    """PostgreSQL's text cannot hold NUL; nobody types it on purpose."""
    return {name: [value.replace("\0", "") for value in given] for name, given in form.items()}

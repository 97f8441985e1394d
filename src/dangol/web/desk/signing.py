"""Signing in by password or one-time link, and out. Opening a link changes nothing."""

from dangol.web import words
from dangol.web.answer import Answer, Move, Page, SignedIn, SignedOut
from dangol.web.signin import service
from dangol.web.visit import Visit


def show_form(visit: Visit) -> Answer:
    """The form, or home for those who are in already."""
    if visit.session is not None:
        return Move("/")
    return _form(visit)


def sign_in(visit: Visit) -> Answer:
    """Compare the password; every failure looks the same."""
    email = visit.form("email").lower()
    allowed = service.may_try(visit.conn, email, visit.given.ip, visit.now)
    visit.conn.commit()
    if not allowed:
        return _form(visit, "signin.too_many", 429)
    password = visit.given.form.get("password", [""])[-1]
    token = service.sign_in_by_password(visit.conn, email, password[:200], visit.now)
    if token is None:
        return _form(visit, "signin.wrong", 422)
    return SignedIn(token, _inside(visit.form("next")))


def show_link(visit: Visit) -> Answer:
    """One button; the link is used up by pressing it."""
    is_open = service.is_link_open(visit.conn, visit.part("token"), visit.now)
    return Page("desk/sign_in_link.html", {"is_open": is_open}, 200 if is_open else 410)


def use_link(visit: Visit) -> Answer:
    """Sign in by a one-time link; a first visit takes over the browser's language."""
    token = service.sign_in_by_link(visit.conn, visit.part("token"), visit.now)
    if token is None:
        return Page("desk/sign_in_link.html", {"is_open": False}, 410)
    session = service.find_session(visit.conn, token, visit.now)
    if session and service.is_first_session(visit.conn, session):
        locale = words.choose(visit.given.accept_language, session.locale)
        service.change_locale(visit.conn, session, locale)
    return SignedIn(token, "/")


def sign_out(visit: Visit) -> Answer:
    """End this browser's session."""
    service.end_session(visit.conn, visit.member)
    return SignedOut("/sign-in")


def _form(visit: Visit, problem: str = "", status: int = 200) -> Page:
    values = {
        "problem": problem,
        "email": visit.form("email"),
        "next": _inside(visit.form("next") or visit.query("next")),
    }
    return Page("desk/sign_in.html", values, status)


def _inside(url: str) -> str:
    """`url` when it is an address of this desk, else the first page."""
    is_inside = url.startswith("/") and not url.startswith(("//", "/\\")) and url.isprintable()
    return url if is_inside else "/"

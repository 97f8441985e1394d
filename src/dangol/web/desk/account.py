"""What members set for themselves: name, address, language, password."""

from dangol.errors import InputError
from dangol.web import words
from dangol.web.answer import Answer, Move, Page
from dangol.web.signin import members, service
from dangol.web.visit import Visit


def show(visit: Visit) -> Answer:
    """Name, address, language and password."""
    return _page(visit)


def save(visit: Visit) -> Answer:
    """Keep name, address and language."""
    locale = visit.form("locale")
    try:
        if locale not in words.LOCALES:
            raise InputError(visit.t("form.choose"))
        members.change_profile(
            visit.conn, visit.member, visit.form("name"), visit.form("email"), locale
        )
    except InputError as error:
        return _page(visit, visit.say(error))
    return Move("/account", "account.saved")


def save_locale(visit: Visit) -> Answer:
    """Switch the desk's language and come back to where one was."""
    locale = visit.form("locale")
    if locale in words.LOCALES:
        service.change_locale(visit.conn, visit.member, locale)
    back = visit.form("back")
    return Move(back if back.startswith("/") and not back.startswith(("//", "/\\")) else "/")


def save_password(visit: Visit) -> Answer:
    """Set a new password; other browsers are signed out."""
    password = visit.given.form.get("password", [""])[-1]
    if password != visit.given.form.get("again", [""])[-1]:
        return _page(visit, visit.t("account.password_differs"))
    try:
        members.change_password(visit.conn, visit.member, password)
    except InputError as error:
        return _page(visit, visit.say(error))
    visit.record("password_changed", visit.member.email)
    return Move("/account", "account.password_saved")


def _page(visit: Visit, problem: str = "") -> Page:
    given = visit.given.form
    values = {
        "problem": problem,
        "name": visit.form("name") if "name" in given else visit.member.name,
        "email": visit.form("email") if "email" in given else visit.member.email,
        "has_password": members.get_member(visit.conn, visit.member.member_id)["has_password"],
    }
    return Page("desk/account.html", values, 422 if problem else 200)

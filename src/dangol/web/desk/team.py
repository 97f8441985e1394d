"""The team: who may sign in and with which role, and what was done lately."""

from dangol.errors import InputError
from dangol.web.answer import Answer, Move, Page
from dangol.web.desk.listing import csv_file, paged
from dangol.web.signin import members, service
from dangol.web.signin.role import Role, role_named
from dangol.web.visit import Visit


def show(visit: Visit) -> Answer:
    """Everyone, and a form to invite one more."""
    return _page(visit)


def invite(visit: Visit) -> Answer:
    """Add a member and show the link that signs them in once."""
    try:
        token = members.invite_member(
            visit.conn,
            visit.form("email"),
            visit.form("name"),
            _role(visit),
            visit.now,
            locale=visit.locale,
        )
    except InputError as error:
        return _page(visit, problem=visit.say(error))
    visit.record("member_invited", visit.form("email"), role=visit.form("role"))
    return _page(visit, token=token)


def new_link(visit: Visit) -> Answer:
    """A fresh one-time link for a member who cannot get in."""
    member = members.get_member(visit.conn, visit.id())
    token = service.create_login_link(visit.conn, member["id"], visit.now)
    visit.record("link_created", member["email"])
    return _page(visit, token=token)


def change(visit: Visit) -> Answer:
    """Another role, or shut out, or let in again."""
    disabled = visit.form("access") == "none"
    role = _role(visit)
    members.change_role(visit.conn, visit.id(), role, disabled, visit.now)
    visit.record("member_changed", visit.id(), role=role.word, disabled=disabled)
    return Move("/settings/members", "team.saved")


def show_audit(visit: Visit) -> Answer:
    """What the team did, latest first."""
    rows = members.list_audit(visit.conn, 1000)
    return Page("desk/audit.html", {"page": paged(visit, rows, "/settings/history", {})})


def download_audit(visit: Visit) -> Answer:
    """The same as CSV."""
    rows = members.list_audit(visit.conn, 1000)
    lines = ((row["at"], row["actor"], row["action"], row["subject"]) for row in rows)
    return csv_file("history.csv", ("at", "who", "what", "subject"), lines)


def _role(visit: Visit) -> Role:
    try:
        return role_named(visit.form("role"))
    except KeyError:
        raise InputError(visit.t("form.choose")) from None


def _page(visit: Visit, problem: str = "", token: str = "") -> Page:
    values = {
        "members": members.list_members(visit.conn),
        "roles": list(Role),
        "problem": problem,
        "link": service.sign_in_url(visit.base_url, token) if token else "",
        "link_here": service.sign_in_url(visit.given.base_url, token) if token else "",
        "email": "" if token else visit.form("email"),
        "name": "" if token else visit.form("name"),
    }
    return Page("desk/team.html", values, 422 if problem else 200)

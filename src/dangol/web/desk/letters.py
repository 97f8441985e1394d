"""Letters: the list, the editor and the preview as any customer."""

import html
import re

from dangol.errors import InputError, NotFound
from dangol.model.address import normalise_email
from dangol.model.message import MessageKind
from dangol.speak import launch
from dangol.speak.letter import service
from dangol.speak.letter.check import Problem
from dangol.speak.letter.names import CHIPS
from dangol.store.brand import read_brand
from dangol.web.answer import Answer, Document, Move, Page
from dangol.web.desk.letter_form import KINDS, Editing, act, fields_of, first_letter, read_form
from dangol.web.desk.listing import csv_file, paged
from dangol.web.desk.people import People, list_people
from dangol.web.visit import Visit

_MESSAGE_KINDS = [kind.value for kind in MessageKind if kind is not MessageKind.CONVERSATION]
_LOCALES = ("ko", "en", "ja", "zh")


def show_list(visit: Visit) -> Answer:
    """All letters by name, and a form for a new one."""
    return _list(visit)


def download(visit: Visit) -> Answer:
    """The list as CSV."""
    rows = (
        (row.name, row.letter.kind, ",".join(row.letter.variants), row.version, row.changed_at)
        for row in _found(visit)
    )
    return csv_file("letters.csv", ("name", "kind", "languages", "version", "changed"), rows)


def create(visit: Visit) -> Answer:
    """Begin a letter and open the editor."""
    locale = visit.form("locale", visit.locale)
    try:
        kind = MessageKind(visit.form("kind"))
        letter = first_letter(
            kind,
            locale if locale in _LOCALES else "en",
            visit.t("letter.greeting", name=CHIPS[0].liquid),
        )
        made = service.create_letter(
            visit.conn, visit.form("name"), letter, by=visit.by, now=visit.now
        )
    except ValueError:
        return _list(visit, visit.t("form.choose"))
    except InputError as error:
        return _list(visit, visit.say(error))
    visit.record("letter_created", made.name)
    return Move(f"/letters/{made.id}")


def show(visit: Visit) -> Answer:
    """The editor with the letter as it was saved last."""
    stored = service.get_letter(visit.conn, visit.id())
    wanted = visit.query("locale")
    variants = stored.letter.variants
    known = (wanted, read_brand(visit.conn).locale, visit.locale, *variants)
    locale = next(code for code in known if code in variants)
    return _editor(visit, Editing(stored.name, stored.version, locale, stored.letter))


def save(visit: Visit) -> Answer:
    """Save, or do one thing to the letter in the form without saving it yet."""
    editing = _given(visit)
    action = visit.form("do", "save")
    if action != "save":
        return _editor(visit, act(editing, action))
    try:
        edited = service.Edit(visit.id(), editing.version, editing.name, editing.letter)
        saved = service.edit_letter(visit.conn, edited, by=visit.by, now=visit.now)
    except InputError as error:
        return _editor(visit, editing, visit.say(error))
    visit.record("letter_saved", saved.name, version=saved.version)
    return Move(f"/letters/{saved.id}?locale={editing.locale}", "letter.saved")


def send_test(visit: Visit) -> Answer:
    """Send the saved letter to a colleague, as the chosen customer would get it."""
    address = normalise_email(visit.form("address"))
    person = visit.form("as")
    if address is None:
        return _editor(visit, _given(visit), visit.t("shop.bad_address"))
    launch.send_test(
        visit.conn,
        visit.id(),
        address,
        as_customer=int(person) if person.isdecimal() and len(person) < 19 else 0,
        locale=visit.form("locale") or None,
        by=visit.by,
        now=visit.now,
    )
    visit.record("test_sent", address)
    return Move(f"/letters/{visit.id()}?locale={visit.form('locale')}", "letter.test_sent")


def archive(visit: Visit) -> Answer:
    """Take it out of the list."""
    stored = service.get_letter(visit.conn, visit.id())
    service.archive_letter(visit.conn, stored.id, now=visit.now)
    visit.record("letter_archived", stored.name)
    return Move("/letters", "letter.archived")


def preview_saved(visit: Visit) -> Answer:
    """The saved letter as somebody would get it."""
    stored = service.get_letter(visit.conn, visit.id())
    return _preview(visit, stored.letter, visit.query("locale") or None, visit.query("as"))


def preview_typed(visit: Visit) -> Answer:
    """The letter in the form as somebody would get it; nothing is saved."""
    editing = _given(visit)
    return _preview(visit, editing.letter, editing.locale, visit.form("as"))


def _given(visit: Visit) -> Editing:
    """The letter in the form, with pictures that came along kept."""
    form = {name: values[-1].replace("\r\n", "\n") for name, values in visit.given.form.items()}
    pictures = {}
    for name, upload in visit.given.uploads.items():
        number = re.fullmatch(r"b(\d{1,2})\.file", name)
        if number and upload.size:
            data = upload.path.read_bytes()
            saved = service.save_picture(visit.conn, upload.name, data, by=visit.by, now=visit.now)
            pictures[int(number[1])] = saved
    return read_form(form, pictures)


def _preview(visit: Visit, letter, locale: str | None, person: str) -> Answer:
    if person and not (person.isascii() and person.isdigit() and len(person) < 19):
        raise NotFound()
    seen = service.preview(
        visit.conn,
        visit.keyring,
        letter,
        locale=locale,
        customer_id=int(person) if person else None,
        base_url=visit.given.base_url.rstrip("/"),
    )
    subject = html.escape(seen.subject or visit.t("letter.cannot_show"))
    bar = (
        '<div style="padding:10px 16px;background:#f2efe8;color:#25221e;font:15px sans-serif;'
        'overflow-wrap:anywhere">'
        f"<b>{subject}</b></div>"
    )
    body = seen.html or "<!doctype html><body></body>"
    return Document(re.sub(r"(<body[^>]*>)", lambda found: found[1] + bar, body, count=1))


def _editor(visit: Visit, editing: Editing, problem: str = "") -> Page:
    problems = service.check_letter(visit.conn, editing.letter, real=False)
    values = {
        "id": visit.id(),
        "editing": editing,
        "blocks": [fields_of(block) for block in editing.variant.blocks],
        "kinds": KINDS,
        "message_kinds": _MESSAGE_KINDS,
        "locales_possible": _LOCALES,
        "chips": CHIPS,
        "problem": problem,
        "problems": [describe(visit, found) for found in problems],
        "readers": list_people(visit.conn, People(), visit.now, limit=12),
        "person": visit.form("as"),
    }
    return Page("desk/letter.html", values, 422 if problem else 200)


def describe(visit: Visit, problem: Problem) -> dict[str, object]:
    """A problem in words, with where it is."""
    words = visit.t(f"problem.{problem.code}")
    detail = ", ".join(str(value) for value in problem.seen.values() if _is_telling(value))[:200]
    where = ""
    parts = problem.where.split(".")
    if "blocks" in parts and parts.index("blocks") + 1 < len(parts):
        where = visit.t("problem.in_block", n=int(parts[parts.index("blocks") + 1]) + 1)
    elif parts[-1] in ("subject", "preheader"):
        where = visit.t(f"letter.{parts[-1]}")
    return {"words": words, "detail": detail, "where": where, "blocks": problem.blocks}


def _is_telling(value: object) -> bool:
    """Whether a value says something to a reader: not empty, and no list of all that is possible."""
    return isinstance(value, str | int | float) and value != ""


def _found(visit: Visit) -> list[service.StoredLetter]:
    wanted = visit.query("q").strip().lower()
    return [row for row in service.list_letters(visit.conn) if wanted in row.name.lower()]


def _list(visit: Visit, problem: str = "") -> Page:
    q = visit.query("q").strip()
    values = {
        "page": paged(visit, _found(visit), "/letters", {"q": q}),
        "q": q,
        "message_kinds": _MESSAGE_KINDS,
        "locales_possible": _LOCALES,
        "problem": problem,
        "name": visit.form("name"),
        "kind": visit.form("kind", "news"),
    }
    return Page("desk/letters.html", values, 422 if problem else 200)

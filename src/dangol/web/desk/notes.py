"""A customer's notebook: written on the customer's page, found by the search of customers."""

from collections.abc import Callable
from uuid import UUID

from dangol.errors import InputError, NotFound
from dangol.know.notes import service
from dangol.know.profile.service import get_profile
from dangol.web.answer import Answer, Move
from dangol.web.desk.customer import page_of
from dangol.web.visit import Visit


def write(visit: Visit) -> Answer:
    """Keep a new note."""

    def work() -> None:
        text, by = visit.form("text"), visit.by
        service.write_note(visit.conn, visit.number("id"), text, by=by, now=visit.now)

    return _do(visit, work)


def change(visit: Visit) -> Answer:
    """Other words, another use, or away with it."""

    def work() -> None:
        key = (visit.conn, visit.number("id"), _note(visit))
        if visit.form("do") == "remove":
            service.remove_note(*key, by=visit.by, now=visit.now)
            return
        may = visit.form("for_letters") == "yes"
        service.change_note(*key, visit.form("text"), for_letters=may, by=visit.by, now=visit.now)

    return _do(visit, work)


def _do(visit: Visit, work: Callable[[], None]) -> Answer:
    profile = get_profile(visit.conn, visit.number("id"))
    try:
        work()
    except InputError as error:
        return page_of(visit, profile, visit.say(error))
    visit.record("note_kept", profile.customer_id)
    return Move(f"/customers/{profile.customer_id}", "notes.kept")


def _note(visit: Visit) -> UUID:
    found = visit.uuid_field("note")
    if found is None:
        raise NotFound()
    return found

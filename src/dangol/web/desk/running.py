"""What runs by itself, how long things are kept, what the mail server says, and a restored
installation that waits."""

from datetime import timedelta
from typing import Any

from psycopg.rows import dict_row

from dangol.engine.planned import list_planned
from dangol.errors import DangolError, NotFound
from dangol.store.backup.hold import find_hold, release
from dangol.store.retention import MOST_DAYS, Kind, change_days, list_rules
from dangol.web.answer import Answer, Move, Page
from dangol.web.desk.people import SQL
from dangol.web.visit import Visit

_ALIVE = timedelta(seconds=60)
"""A dispatcher that was not seen for longer has gone."""


def show(visit: Visit) -> Answer:
    """The visible schedule, what is kept, the dispatchers, and the restore that waits, if any."""
    return _page(visit)


def keep_days(visit: Visit) -> Answer:
    """Keep one kind of thing for another number of days from now on."""
    try:
        kind = Kind(visit.form("kind"))
    except ValueError:
        raise NotFound() from None
    try:
        days = visit.integer("days", -1, low=0, high=MOST_DAYS)
        before = change_days(visit.conn, kind, days, by=visit.by, now=visit.now)
    except DangolError as error:
        return _page(visit, visit.say(error))
    visit.record("retention_changed", kind.value, before=before, days=days)
    return Move("/settings/running", "retention.saved")


def _page(visit: Visit, problem: str = "") -> Page:
    values = {
        "hold": find_hold(visit.conn),
        "waiting": visit.conn.execute(SQL.count_unsent).fetchone()[0],
        "dispatchers": list_dispatchers(visit),
        "planned": list_planned(visit.conn),
        "kept": list_rules(visit.conn),
        "problem": problem,
    }
    return Page("desk/running.html", values, 422 if problem else 200)


def confirm_restore(visit: Visit) -> Answer:
    """The owner says that this installation may speak again."""
    sends = visit.form("waiting") == "send"
    silenced = release(visit.conn, by=visit.by, now=visit.now, send_waiting=sends)
    visit.record("restore_confirmed", "", silenced=silenced)
    return Move("/settings/running", "restore.confirmed", {"n": silenced})


def list_dispatchers(visit: Visit) -> list[dict[str, Any]]:
    """Dispatchers seen lately: host, rate a second, connections, and what the server refused."""
    cursor = visit.conn.cursor(row_factory=dict_row)
    return cursor.execute(SQL.list_dispatchers, {"since": visit.now - _ALIVE}).fetchall()


def refusals(visit: Visit) -> list[str]:
    """What the mail server says against being sent anything at all, each once."""
    told = (row["status"].get("refusal") for row in list_dispatchers(visit))
    return list(dict.fromkeys(one["text"] for one in told if one))

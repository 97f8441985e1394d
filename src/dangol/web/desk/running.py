"""What runs by itself, what the mail server says, and a restored installation that waits."""

from datetime import timedelta
from typing import Any

from psycopg.rows import dict_row

from dangol.engine.planned import list_planned
from dangol.store.backup.hold import find_hold, release
from dangol.web.answer import Answer, Move, Page
from dangol.web.desk.people import SQL
from dangol.web.visit import Visit

_ALIVE = timedelta(seconds=60)
"""A dispatcher that was not seen for longer has gone."""


def show(visit: Visit) -> Answer:
    """The visible schedule, the dispatchers, and the restore that waits, if any."""
    values = {
        "hold": find_hold(visit.conn),
        "waiting": visit.conn.execute(SQL.count_unsent).fetchone()[0],
        "dispatchers": list_dispatchers(visit),
        "planned": list_planned(visit.conn),
    }
    return Page("desk/running.html", values)


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

"""Which customers a list or a number is about: one filter, counted and listed by the same words."""

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import psycopg
from psycopg.rows import dict_row

from dangol.know.profile import service as profile
from dangol.model.stage import Stage
from dangol.store.brand import read_brand
from dangol.store.sql import load_queries
from dangol.web.desk.listing import CSV_ROWS, PAGE, Figure, ListPage, list_url, offset_of
from dangol.web.visit import Visit

SQL = load_queries(__package__)
LATELY = 30
"""Days that count as lately."""

# "quiet" puts first whose silence would surprise most, by that person's own rhythm.
_ORDERS = {
    "seen": "order by c.last_seen_at desc, c.customer_id desc",
    "changed": "order by s.since desc, c.customer_id desc",
    "quiet": "order by s.silence nulls last, c.customer_id desc",
    "first": "order by s.first_day desc, c.customer_id desc",
}


class People(msgspec.Struct, frozen=True, kw_only=True):
    """A filter over customers; the empty one is everybody known by an id or an address."""

    q: str = ""
    stage: str = ""
    was: str = ""
    """The stage before the present one."""
    quiet: bool = False
    """Silent for longer than usual for this person; who came once has no usual yet and is kept."""
    days: int = 0
    """The stage changed within so many days, by the customer's own doing or by time."""
    new: int = 0
    """First seen within so many days."""
    first: int = 0
    """Came for the first time within so many days, and not again."""
    visitors: bool = False
    """Those whom nobody has named yet, instead of the others."""

    @property
    def query(self) -> dict[str, str]:
        """The filter as an address states it."""
        numbers = {"days": self.days, "new": self.new, "first": self.first}
        given = {"q": self.q, "stage": self.stage, "was": self.was}
        given |= {name: str(value) for name, value in numbers.items() if value}
        given |= {"who": "visitors" if self.visitors else "", "quiet": "yes" if self.quiet else ""}
        return {k: v for k, v in given.items() if v}

    @property
    def url(self) -> str:
        """The list of these people."""
        return list_url("/customers", self.query)


def people_asked(visit: Visit) -> People:
    """The filter that an address asks for; what makes no sense is left out."""
    stages = {stage.value for stage in Stage}
    return People(
        q=visit.query("q").strip()[:200],
        stage=visit.query("stage") if visit.query("stage") in stages else "",
        was=visit.query("was") if visit.query("was") in stages else "",
        days=_days(visit.query("days")),
        new=_days(visit.query("new")),
        first=_days(visit.query("first")),
        visitors=visit.query("who") == "visitors",
        quiet=visit.query("quiet") == "yes",
    )


def count_people(conn: psycopg.Connection, people: People, now: datetime) -> Figure:
    """How many there are, with the address of exactly these."""
    row = conn.execute(f"select count(*) {SQL.people}", _values(conn, people, now)).fetchone()
    return Figure(row[0], people.url)


def list_people(
    conn: psycopg.Connection, people: People, now: datetime, *, limit: int = PAGE, offset: int = 0
) -> list[dict[str, Any]]:
    """Rows of customers; the order follows what the filter is about."""
    values = _values(conn, people, now) | {"limit": limit, "offset": offset}
    order = _ORDERS[_about(people)]
    query = f"{SQL.people_columns} {SQL.people} {order} limit %(limit)s offset %(offset)s"
    return conn.cursor(row_factory=dict_row).execute(query, values).fetchall()


def _about(people: People) -> str:
    if people.first:
        return "first"
    return "quiet" if people.stage == Stage.LAPSING else "changed" if people.days else "seen"


def people_page(visit: Visit, people: People) -> ListPage:
    """One page of the list."""
    offset = offset_of(visit)
    rows = list_people(visit.conn, people, visit.now, offset=offset)
    total = count_people(visit.conn, people, visit.now).count
    return ListPage(rows, total, offset, "/customers", people.query)


def everyone(visit: Visit, people: People) -> list[dict[str, Any]]:
    """All rows, for a file."""
    return list_people(visit.conn, people, visit.now, limit=CSV_ROWS)


def stage_flow(conn: psycopg.Connection, now: datetime) -> list[tuple[str, str | None, int]]:
    """(stage, the stage before when that was lately, how many customers)."""
    values = _values(conn, People(), now) | {"lately": now - timedelta(days=LATELY)}
    return conn.execute(f"{SQL.flow} {SQL.people} group by 1, 2", values).fetchall()


def _values(conn: psycopg.Connection, people: People, now: datetime) -> dict[str, Any]:
    pattern, ids = profile.search_terms(conn, people.q) if people.q else (None, [])
    return {
        "pattern": pattern,
        "ids": ids,
        "stage": people.stage or None,
        "previous": people.was or None,
        "changed_after": now - timedelta(days=people.days) if people.days else None,
        "by_themselves": bool(people.days),
        "first_after": now - timedelta(days=people.new) if people.new else None,
        "came_after": _today(conn, now) - timedelta(days=people.first) if people.first else None,
        "visitors": people.visitors,
        "quiet_on": _today(conn, now) if people.quiet else None,
    }


def _today(conn: psycopg.Connection, now: datetime) -> date:
    return now.astimezone(ZoneInfo(read_brand(conn).zone)).date()


def _days(text: str) -> int:
    return min(int(text), 3660) if text.isascii() and text.isdigit() and len(text) < 6 else 0

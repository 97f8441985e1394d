"""A customer's one timeline: give and take in one order, latest first, page by page.

`recent_page` reads what has not moved to the lake yet and needs the database only; `full_page` sees
everything and opens the lake, so the web process leaves it to the query worker.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import psycopg

from dangol.errors import InputError
from dangol.model.customer import bucket_of
from dangol.settings import Settings
from dangol.store.sql import load_queries

SQL = load_queries(__package__)

MOST = 500


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One fact on the timeline."""

    event_id: UUID
    name: str
    time: datetime
    utc_offset_min: int | None
    """The sender's wall clock, where it is known."""
    props: dict[str, Any]
    source: str
    effect: str
    cause: str
    origin: str | None


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Entries, latest first, and the cursor of the next page; None at the end."""

    entries: list[Entry]
    next: str | None


def recent_page(
    conn: psycopg.Connection, customer_id: int, *, before: str | None = None, limit: int = 50
) -> Page:
    """A page of what happened lately (what is not in the lake yet), older than `before`.

    Raises:
        InputError: `before` is no cursor of ours.
    """
    rows = conn.execute(SQL.recent_entries, _args(customer_id, before, limit)).fetchall()
    return _page(rows, limit)


def full_page(
    settings: Settings, customer_id: int, *, before: str | None = None, limit: int = 50
) -> Page:
    """A page of everything that is kept, older than `before`; opens the lake.

    Raises:
        InputError: `before` is no cursor of ours.
    """
    from dangol.store.lake import snapshot  # duckdb: only where the lake is read

    args = _args(customer_id, before, limit)
    bucket = args["bucket"]
    dsn = settings.database_url or ""
    with snapshot(settings, dsn, (bucket, bucket), views=("events",)) as snap:
        rows = snap.query(_FULL, args).to_pylist()
    return _page([tuple(row.values()) for row in rows], limit)


_FULL = """
select event_id::varchar as event_id, name, time, utc_offset_min, props, source, effect, cause,
    origin
from events
where bucket = $bucket and customer_id = $customer_id
    and (time < $time or (time = $time and event_id < $event_id::uuid))
order by time desc, event_id desc limit $more
"""


def _args(customer_id: int, before: str | None, limit: int) -> dict[str, Any]:
    time, event_id = _read_cursor(before) if before else (_LAST, _GREATEST)
    return {
        "bucket": bucket_of(customer_id),
        "customer_id": customer_id,
        "time": time,
        "event_id": event_id,
        "more": min(limit, MOST) + 1,
    }


_LAST = datetime.fromisoformat("9999-01-01T00:00:00+00:00")
_GREATEST = str(UUID(int=2**128 - 1))


def _read_cursor(text: str) -> tuple[datetime, str]:
    time, _, event_id = text.partition("~")
    try:
        at = datetime.fromisoformat(time)
        if at.tzinfo is None:
            raise ValueError("no offset")
        return at, str(UUID(event_id))
    except ValueError:
        raise InputError("This page of the timeline cannot be found; start at the top.") from None


def _page(rows: list[tuple], limit: int) -> Page:
    wanted = min(limit, MOST)
    entries = [_entry(row) for row in rows[:wanted]]
    if len(rows) <= wanted:
        return Page(entries=entries, next=None)
    last = entries[-1]
    return Page(entries=entries, next=f"{last.time.isoformat()}~{last.event_id.hex}")


def _entry(row: tuple) -> Entry:
    event_id, name, time, offset, props, source, effect, cause, origin = row
    return Entry(
        event_id=event_id if isinstance(event_id, UUID) else UUID(event_id),
        name=name,
        time=time,
        utc_offset_min=offset,
        props=props if isinstance(props, dict) else msgspec.json.decode(props),
        source=source,
        effect=effect,
        cause=cause,
        origin=origin,
    )

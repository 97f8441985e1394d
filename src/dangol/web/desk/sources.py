"""Where facts come from: keys and what they sent, the catalogue, and what was refused and why."""

from datetime import datetime, timedelta
from uuid import UUID

from dangol.listen import sources
from dangol.web.answer import Answer, Page
from dangol.web.desk.listing import CSV_ROWS, PAGE, Figure, KeysetPage, csv_file, list_url
from dangol.web.visit import Visit

_LATELY = timedelta(days=7)


def show(visit: Visit) -> Answer:
    """Keys with their last sign of life, refusals by reason, and the events heard of."""
    since = visit.now - _LATELY
    refused = [
        (row.source, row.reason, _figure(row))
        for row in sources.count_rejects(visit.conn, datetime.min.replace(tzinfo=since.tzinfo))
    ]
    values = {
        "sources": sources.list_sources(visit.conn, since),
        "refused": refused,
        "events": sources.list_events(visit.conn),
        "traits": sources.list_properties(visit.conn, ""),
    }
    return Page("desk/sources.html", values)


def show_event(visit: Visit) -> Answer:
    """The properties of one event."""
    name = visit.query("name")
    rows = sources.list_properties(visit.conn, name)
    return Page("desk/event.html", {"name": name, "rows": rows})


def download_events(visit: Visit) -> Answer:
    """The catalogue as CSV."""
    rows = sources.list_events(visit.conn)
    lines = ((row.name, row.count, row.first_at, row.last_at) for row in rows)
    return csv_file("events.csv", ("name", "count", "first_at", "last_at"), lines)


def show_rejects(visit: Visit) -> Answer:
    """Refused items, the latest first."""
    query = _filter(visit)
    rows = _rejects(visit, query, _before(visit), PAGE)
    following = f"{rows[-1].at.isoformat()}~{rows[-1].id}" if len(rows) == PAGE else ""
    page = KeysetPage(
        rows, _total(visit, query), "/rejects", following, query, is_first=_before(visit) is None
    )
    return Page("desk/rejects.html", {"page": page, "source": "", "reason": ""} | query)


def download_rejects(visit: Visit) -> Answer:
    """The same list as CSV."""
    rows = _rejects(visit, _filter(visit), None, CSV_ROWS)
    lines = ((row.at, row.source, row.line, row.reason, row.detail, row.item) for row in rows)
    return csv_file("rejects.csv", ("at", "source", "line", "reason", "detail", "item"), lines)


def _figure(row: sources.RejectCount) -> Figure:
    return Figure(row.count, list_url("/rejects", {"source": row.source, "reason": row.reason}))


def _filter(visit: Visit) -> dict[str, str]:
    given = {"source": visit.query("source")[:200], "reason": visit.query("reason")[:60]}
    return {name: value for name, value in given.items() if value}


def _rejects(
    visit: Visit, query: dict[str, str], before: tuple[datetime, UUID] | None, limit: int
) -> list[sources.Reject]:
    wanted = sources.RejectFilter(query.get("source"), query.get("reason"), before)
    return sources.list_rejects(visit.conn, wanted, limit=limit)


def _total(visit: Visit, query: dict[str, str]) -> int:
    ever = datetime.min.replace(tzinfo=visit.now.tzinfo)
    return sum(
        row.count
        for row in sources.count_rejects(visit.conn, ever)
        if query.get("source") in (None, row.source) and query.get("reason") in (None, row.reason)
    )


def _before(visit: Visit) -> tuple[datetime, UUID] | None:
    at, _, reject_id = visit.query("from").partition("~")
    try:
        moment = datetime.fromisoformat(at.replace(" ", "+"))
        return (moment, UUID(reject_id)) if moment.tzinfo else None
    except ValueError:
        return None

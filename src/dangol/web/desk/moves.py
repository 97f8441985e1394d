"""Who moved from one stage to another, and why: counted by cause, and one by one."""

from datetime import datetime
from typing import Any

from dangol.model.event import Cause
from dangol.model.stage import Stage
from dangol.web.answer import Answer, Page
from dangol.web.desk.charts import BEFORE, NOBODY
from dangol.web.desk.flow import stage_names
from dangol.web.desk.listing import CSV_ROWS, PAGE, Figure, ListPage, csv_file, list_url, offset_of
from dangol.web.desk.span import DaySpan, span_asked
from dangol.web.query import QueryFailed, ask
from dangol.web.visit import Visit

_WAIT_S = 30.0
_BATCH = 1000
_SHOWN = 8
_LEVELS = (
    NOBODY,
    Stage.UNKNOWN,
    Stage.INACTIVE,
    Stage.LAPSING,
    Stage.NEW,
    Stage.ACTIVE,
    Stage.LOYAL,
)
_CAUSES = tuple(cause.value for cause in Cause)
_HEADER = ("customer_id", "name", "email", "was", "stage", "cause", "time", "p")


def show_part(visit: Visit) -> Answer:
    """The latest, and all of them counted by stages and cause."""
    span = span_asked(visit)
    try:
        found = _ask(visit, span, {}, 0, _SHOWN)
    except QueryFailed as error:
        return Page("desk/moves_part.html", {"problem": visit.say(error)})
    rows = [(one, Figure(one["changes"], _url(span, one))) for one in found["why"]]
    everything = Figure(sum(one["changes"] for one in found["why"]), _url(span, {}))
    moves = _moves(found["page"])
    values = {"problem": "", "why": rows, "all": everything, "moves": moves, "why_of": why_of}
    return Page("desk/moves_part.html", values)


def show(visit: Visit) -> Answer:
    """One page of changes."""
    span, wanted, offset = span_asked(visit), _wanted(visit), offset_of(visit)
    found = _ask(visit, span, wanted, offset, PAGE)
    page = ListPage(
        _moves(found["page"]), _total(found, wanted), offset, "/moves", span.query | wanted
    )
    values = {"page": page, "span": span, "back": list_url("/flow", span.query),
              "wanted": wanted, "names": stage_names(visit), "why_of": why_of}  # fmt: skip
    return Page("desk/moves.html", values)


def download(visit: Visit) -> Answer:
    """The same as CSV."""
    span, wanted = span_asked(visit), _wanted(visit)
    lines: list[tuple[Any, ...]] = []
    while len(lines) < CSV_ROWS:
        rows = _ask(visit, span, wanted, len(lines), _BATCH)["page"]
        lines += [tuple(row[name] for name in _HEADER) for row in rows]
        if len(rows) < _BATCH:
            break
    return csv_file("moves.csv", _HEADER, lines)


def why_of(move: dict[str, Any]) -> str:
    """The key of why somebody moved. Of the past that an import told: only orders lift a stage, and
    only silence lowers it.

    >>> why_of({"was": "active", "stage": "loyal", "cause": "history"})
    'moves.past_came'
    """
    if move["cause"] != Cause.HISTORY:
        return f"moves.cause_{move['cause']}"
    rose = _LEVELS.index(move["stage"]) >= _LEVELS.index(move["was"])
    return "moves.past_came" if rose else "moves.past_quiet"


def _ask(
    visit: Visit, span: DaySpan, wanted: dict[str, str], after: int, limit: int
) -> dict[str, Any]:
    values = {**span.ends, **wanted, "after": after, "limit": limit}
    return ask(visit.settings, "stage_moves", values, timeout_s=_WAIT_S)


def _moves(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row | {"time": datetime.fromisoformat(row["time"])} for row in rows]


def _wanted(visit: Visit) -> dict[str, str]:
    """What the address narrows to; nonsense is left out."""
    given = {name: visit.query(name) for name in ("was", "stage", "cause")}
    known = {"was": BEFORE, "stage": BEFORE, "cause": _CAUSES}
    return {name: value for name, value in given.items() if value in known[name]}


def _total(found: dict[str, Any], wanted: dict[str, str]) -> int:
    return sum(
        one["changes"]
        for one in found["why"]
        if all(one[name] == value for name, value in wanted.items())
    )


def _url(span: DaySpan, one: dict[str, Any]) -> str:
    query = {name: one[name] for name in ("was", "stage", "cause") if name in one}
    return list_url("/moves", span.query | query)

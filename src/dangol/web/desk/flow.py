"""Where customers stood on two days and in between: the flow, the sizes, who moved and why."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

from dangol.errors import NotFound
from dangol.model.stage import Stage
from dangol.web.answer import Answer, Page
from dangol.web.desk.audience import Asking, asking, people_file, people_page
from dangol.web.desk.charts import BEFORE, NOBODY, ORDER, Line, Step, flow_chart, series_chart
from dangol.web.desk.display import Display
from dangol.web.desk.listing import Figure, list_url
from dangol.web.desk.span import DaySpan, span_asked
from dangol.web.query import QueryFailed, ask
from dangol.web.visit import Visit

_WAIT_S = 30.0
_STEPS = 12
"""How many times between the two days sizes are told."""


def show(visit: Visit) -> Answer:
    """The drawing between two days, and the same as a table with links."""
    return Page("desk/flow.html", _flow(visit))


def show_part(visit: Visit) -> Answer:
    """The drawing alone, for the first page."""
    return Page("desk/flow_part.html", _flow(visit, is_batch=True))


def _flow(visit: Visit, *, is_batch: bool = False) -> dict[str, Any]:
    span = span_asked(visit)
    steps: list[Step] = []
    problem = ""
    try:
        found = ask(visit.settings, "stage_flow", span.ends, timeout_s=_WAIT_S, is_batch=is_batch)
        steps = [
            Step(one["was"], one["stage"], one["people"], _url(span, one["was"], one["stage"]))
            for one in found
        ]
    except QueryFailed as error:
        problem = visit.say(error)
    rows = [(step, Figure(step.people, step.url)) for step in steps]
    moved = [row for row in rows if row[0].was != row[0].stage]
    # Where everybody was told a stage for the first time, there is nothing to compare with.
    has_moved = any(step.was not in (Stage.UNKNOWN.value, NOBODY) for step, _ in moved)
    return {
        "span": span,
        "query": span.query,
        "chart": flow_chart(steps, stage_names(visit), partial(_url, span)) if has_moved else None,
        "moved": moved,
        "stayed": [row for row in rows if row[0].was == row[0].stage],
        "problem": problem,
        "list_url": list_url,
    }


def stage_names(visit: Visit) -> dict[str, str]:
    """Every stage in words, with what somebody is before the first."""
    return {stage: visit.t(f"stage.{stage}") for stage in BEFORE}


def show_people(visit: Visit) -> Answer:
    """Who is in one ribbon."""
    was, stage = _pair(visit)
    span = span_asked(visit)
    back = list_url("/flow", span.query)
    head = (_title(visit, was, stage, span), back, visit.t("flow.title"))
    query = span.query | {"was": was, "stage": stage}
    return people_page(visit, _of_pair(visit), "/flow/people", query, head)


def _title(visit: Visit, was: str, stage: str, span: DaySpan) -> str:
    """From where to where, or where on which day."""
    if was and stage:
        return f"{visit.t(f'stage.{was}')} → {visit.t(f'stage.{stage}')}"
    day = Display(visit.locale, span.zone, visit.now).day(span.since if was else span.until)
    return f"{visit.t(f'stage.{was or stage}')}, {day}"


def download_people(visit: Visit) -> Answer:
    """The same as CSV."""
    return people_file(_of_pair(visit))


def show_sizes(visit: Visit) -> Answer:
    """How many stood in each stage, from the first day to the second."""
    span = span_asked(visit)
    values = span.ends | {"steps": _STEPS}
    try:
        found = ask(visit.settings, "stage_sizes", values, timeout_s=_WAIT_S)
    except QueryFailed as error:
        return Page("desk/flow_sizes.html", {"problem": visit.say(error), "lines": []})
    show = Display(visit.locale, span.zone, visit.now)
    instants = found["instants"]
    # An instant is the end of a day: it bears that day's name, not the next one's.
    labels = [show.day(datetime.fromisoformat(one) - timedelta(seconds=1)) for one in instants]
    names = stage_names(visit)
    lines = [
        Line(stage, names[stage], counts, [_stood_url(one, stage) for one in instants])
        for stage in ORDER
        if any(counts := found["stages"].get(stage, []))
    ]
    chart = series_chart("lines", [_short(label) for label in labels], lines)
    values = {"problem": "", "lines": lines, "labels": labels, "chart": chart, "figure": Figure}
    return Page("desk/flow_sizes.html", values)


def show_stood(visit: Visit) -> Answer:
    """Who stood in a stage at an instant."""
    at, stage = _instant(visit)
    span = span_asked(visit)
    day = Display(visit.locale, span.zone, visit.now).moment(at)
    head = (f"{visit.t(f'stage.{stage}')}, {day}", "/flow", visit.t("flow.title"))
    query = {"at": at.isoformat(), "stage": stage}
    return people_page(visit, _of_stood(visit), "/flow/stood", query, head)


def download_stood(visit: Visit) -> Answer:
    """The same as CSV."""
    return people_file(_of_stood(visit))


def _short(label: str) -> str:
    """A date without its year, for an axis."""
    return label.split("년 ", 1)[1] if "년 " in label else label.rsplit(" ", 1)[0]


def _url(span: DaySpan, was: str, stage: str) -> str:
    return list_url("/flow/people", span.query | {"was": was, "stage": stage})


def _stood_url(at: str, stage: str) -> str:
    return list_url("/flow/stood", {"at": at, "stage": stage})


def _pair(visit: Visit) -> tuple[str, str]:
    was, stage = visit.query("was"), visit.query("stage")
    if was not in (*ORDER, NOBODY, "") or stage not in (*ORDER, "") or not (was or stage):
        raise NotFound()
    return was, stage


def _of_pair(visit: Visit) -> Asking:
    was, stage = _pair(visit)
    span = span_asked(visit)
    return asking(visit, "stage_people", {"was": was, "stage": stage, **span.ends})


def _instant(visit: Visit) -> tuple[datetime, str]:
    stage = visit.query("stage")
    try:
        at = datetime.fromisoformat(visit.query("at"))
    except ValueError:
        raise NotFound() from None
    if stage not in ORDER or at.tzinfo is None or not 1970 < at.year < 3000:
        raise NotFound()
    return at, stage


def _of_stood(visit: Visit) -> Asking:
    at, stage = _instant(visit)
    return asking(visit, "stood_people", {"at": at.isoformat(), "stage": stage})

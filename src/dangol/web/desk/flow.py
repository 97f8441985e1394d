"""The flow between stages from one day to another: ribbons drawn on the server, and a table."""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

from dangol.errors import NotFound
from dangol.model.stage import Stage
from dangol.store.brand import read_brand
from dangol.web.answer import Answer, Page
from dangol.web.desk.audience import Asking, asking, people_file, people_page
from dangol.web.desk.listing import Figure, list_url
from dangol.web.query import QueryFailed, ask
from dangol.web.visit import Visit

ORDER = [stage.value for stage in (Stage.LOYAL, Stage.ACTIVE, Stage.NEW, Stage.LAPSING,
                                   Stage.INACTIVE, Stage.UNKNOWN)]  # fmt: skip
_DAYS = 30
_WAIT_S = 30.0
WIDTH, HEIGHT, BAR, GAP = 600.0, 260.0, 12.0, 8.0
"""Of the drawing, in its own units; it is scaled to the page."""


class Step(msgspec.Struct, frozen=True):
    """People who stood at `was` on the first day and at `stage` on the second."""

    was: str
    stage: str
    people: int


class Bar(msgspec.Struct, frozen=True):
    """A stage on one side of the drawing."""

    stage: str
    x: float
    y: float
    height: float


class Ribbon(msgspec.Struct, frozen=True):
    """A way from a bar on the left to one on the right; `path` is SVG's."""

    was: str
    stage: str
    people: int
    path: str


class Drawing(msgspec.Struct, frozen=True):
    """Bars and the ribbons between them."""

    bars: list[Bar]
    ribbons: list[Ribbon]


def show(visit: Visit) -> Answer:
    """The drawing between two days, and the same as a table with links."""
    since, until = _days(visit)
    steps: list[Step] = []
    problem = ""
    try:
        found = ask(visit.settings, "stage_flow", _between(visit), timeout_s=_WAIT_S)
        steps = [Step(one["was"], one["stage"], one["people"]) for one in found]
    except QueryFailed as error:
        problem = visit.say(error)
    has_moved = any(step.was != step.stage for step in steps)
    query = {"since": since.isoformat(), "until": until.isoformat()}
    rows = [(step, _figure(step, query)) for step in steps]
    values = {
        "since": since,
        "until": until,
        "drawing": draw(steps) if has_moved else None,
        "moved": [row for row in rows if row[0].was != row[0].stage],
        "stayed": [row for row in rows if row[0].was == row[0].stage],
        "width": WIDTH,
        "height": HEIGHT,
        "bar": BAR,
        "problem": problem,
    }
    return Page("desk/flow.html", values)


def show_people(visit: Visit) -> Answer:
    """Who is in one ribbon."""
    was, stage = _pair(visit)
    since, until = _days(visit)
    query = {"since": since.isoformat(), "until": until.isoformat(), "was": was, "stage": stage}
    title = f"{visit.t(f'stage.{was}')} → {visit.t(f'stage.{stage}')}"
    back = list_url("/flow", {"since": query["since"], "until": query["until"]})
    head = (title, back, visit.t("flow.title"))
    return people_page(visit, _of_pair(visit), "/flow/people", query, head)


def download_people(visit: Visit) -> Answer:
    """The same as CSV."""
    return people_file(_of_pair(visit))


def draw(steps: Iterable[Step]) -> Drawing:
    """Bars as high as their people, ribbons as wide as theirs; everything stays inside the frame."""
    known = [step for step in steps if step.was in ORDER and step.stage in ORDER]
    total = sum(step.people for step in known) or 1
    unit = (HEIGHT - GAP * (len(ORDER) - 1)) / total
    left = _bars(known, "was", 0.0, unit)
    right = _bars(known, "stage", WIDTH - BAR, unit)
    leaves, arrives = ({name: bar.y for name, bar in side.items()} for side in (left, right))
    ribbons = []
    for step in sorted(known, key=lambda step: (ORDER.index(step.was), ORDER.index(step.stage))):
        wide = step.people * unit
        path = _ribbon(leaves[step.was], arrives[step.stage], wide)
        ribbons.append(Ribbon(step.was, step.stage, step.people, path))
        leaves[step.was] += wide
        arrives[step.stage] += wide
    return Drawing([*left.values(), *right.values()], ribbons)


def _bars(steps: list[Step], side: str, x: float, unit: float) -> dict[str, Bar]:
    bars: dict[str, Bar] = {}
    y = 0.0
    for stage in ORDER:
        height = unit * sum(step.people for step in steps if getattr(step, side) == stage)
        if height:
            bars[stage] = Bar(stage, x, round(y, 2), round(height, 2))
            y += height + GAP
    return bars


def _ribbon(y0: float, y1: float, wide: float) -> str:
    x0, x1, middle = BAR, WIDTH - BAR, WIDTH / 2
    return (
        f"M{x0:g} {y0:.2f}C{middle:g} {y0:.2f} {middle:g} {y1:.2f} {x1:g} {y1:.2f}"
        f"V{y1 + wide:.2f}C{middle:g} {y1 + wide:.2f} {middle:g} {y0 + wide:.2f} "
        f"{x0:g} {y0 + wide:.2f}Z"
    )


def _figure(step: Step, query: dict[str, str]) -> Figure:
    url = list_url("/flow/people", query | {"was": step.was, "stage": step.stage})
    return Figure(step.people, url)


def _days(visit: Visit) -> tuple[date, date]:
    """The two days asked for; what makes no sense becomes the last thirty days."""
    today = visit.now.astimezone(ZoneInfo(read_brand(visit.conn).zone)).date()
    try:
        since = date.fromisoformat(visit.query("since"))
        until = date.fromisoformat(visit.query("until"))
    except ValueError:
        return today - timedelta(days=_DAYS), today
    if not date(1970, 1, 2) <= since < until <= today:
        return today - timedelta(days=_DAYS), today
    return since, until


def _between(visit: Visit) -> dict[str, str]:
    """The ends of both days in the brand's zone."""
    zone = ZoneInfo(read_brand(visit.conn).zone)
    ends = (
        datetime.combine(day + timedelta(days=1), time(), zone).isoformat() for day in _days(visit)
    )
    return dict(zip(("since", "until"), ends, strict=True))


def _pair(visit: Visit) -> tuple[str, str]:
    was, stage = visit.query("was"), visit.query("stage")
    if was not in ORDER or stage not in ORDER:
        raise NotFound()
    return was, stage


def _of_pair(visit: Visit) -> Asking:
    was, stage = _pair(visit)
    return asking(visit, "stage_people", {"was": was, "stage": stage, **_between(visit)})

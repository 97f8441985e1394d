"""The rhythm of everyone: how often people come, at which hours, and what a year may bring."""

from typing import Any

from dangol.errors import NotFound
from dangol.know.rhythm.minimum import Shortage
from dangol.know.timing.lookup import find_week
from dangol.web import words
from dangol.web.answer import Answer, Page
from dangol.web.desk.audience import Asking, asking, people_file, people_page
from dangol.web.desk.charts import ORDER, Line, series_chart, week_chart
from dangol.web.desk.flow import stage_names
from dangol.web.desk.listing import Figure, list_url
from dangol.web.query import QueryFailed, ask
from dangol.web.visit import Visit

_WAIT_S = 60.0
_FEWEST_ACTS = 100
"""Below it, a week of 168 hours shows chance."""


def show(visit: Visit) -> Answer:
    """The hours, which are at hand; the rest comes after."""
    week = find_week(visit.conn)
    is_enough = week is not None and week.acts >= _FEWEST_ACTS
    values: dict[str, Any] = {"week": week if is_enough else None, "fewest": _FEWEST_ACTS,
                              "acts": week.acts if week else 0}  # fmt: skip
    if week is not None and is_enough:
        days = [visit.t(f"weekday.{number}") for number in range(1, 8)]
        says = [
            visit.t("rhythms.hour_says", day=days[place // 24], hour=f"{place % 24:02}")
            for place in range(7 * 24)
        ]
        values["chart"] = week_chart(week.hours, days, says)
        values["busiest"] = [(day, busiest(week.hours[24 * n : 24 * n + 24]))
                             for n, day in enumerate(days)]  # fmt: skip
    return Page("desk/rhythm.html", values)


def busiest(hours: list[float], most: int = 3) -> list[int]:
    """The busiest hours of a day, in order of the clock; none of a day on which nobody came.

    >>> busiest([0, 5, 9, 0, 7, 1] + [0] * 18)
    [1, 2, 4]
    """
    ranked = sorted(range(len(hours)), key=lambda hour: (-hours[hour], hour))[:most]
    return sorted(hour for hour in ranked if hours[hour] > 0)


def show_base(visit: Visit) -> Answer:
    """How often people come, each by their own rhythm."""
    try:
        found = ask(visit.settings, "rhythm_base", {}, timeout_s=_WAIT_S)
    except QueryFailed as error:
        return Page("desk/rhythm_base.html", {"problem": visit.say(error), "missing": ""})
    values: dict[str, Any] = {"problem": "", "missing": shortage_words(visit, found["missing"])}
    if not found["missing"]:
        bars = _bars(visit, found["bars"])
        values |= {"bars": bars, "chart": _bars_chart(visit, found["bars"], bars),
                   "median": found["median_gap_days"], "once": Figure(found["came_once"], "/rhythm/people?once=yes")}  # fmt: skip
    return Page("desk/rhythm_base.html", values)


def _bars(visit: Visit, bars: list[dict[str, Any]]) -> list[tuple[str, Figure, dict[str, Figure]]]:
    """Words, everyone, and the same by stage, of each column."""
    rows, above = [], 0
    for bar in bars:
        label = visit.t("rhythms.gap_over", n=above)
        if bar["days"] is not None:
            label = visit.t("rhythms.gap_to", low=above + 1, high=bar["days"])
        query = {"above": str(above), "days": str(bar["days"] or "")}
        by_stage = {
            stage: Figure(count, list_url("/rhythm/people", query | {"stage": stage}))
            for stage, count in bar["stages"].items()
        }
        rows.append((label, Figure(bar["people"], list_url("/rhythm/people", query)), by_stage))
        above = bar["days"] or above
    return rows


def _bars_chart(visit: Visit, bars: list[dict[str, Any]], rows: list[Any]) -> dict[str, Any]:
    names = stage_names(visit)
    lines = []
    for stage in ORDER:
        figures = [by_stage.get(stage, Figure(0, "")) for _, _, by_stage in rows]
        if any(figure.count for figure in figures):
            line = Line(stage, names[stage], [f.count for f in figures], [f.url for f in figures])
            lines.append(line)
    labels = [f"≤ {bar['days']}" if bar["days"] else f"> {bars[-2]['days']}" for bar in bars]
    return series_chart("bars", labels, lines)


def show_people(visit: Visit) -> Answer:
    """Who is in one column."""
    if _is_once(visit):
        head = (visit.t("rhythms.once_people"), "/rhythm", visit.t("rhythms.title"))
        return people_page(visit, _of_gap(visit), "/rhythm/people", {"once": "yes"}, head)
    query = _gap(visit)
    low, high = int(query["above"]), query["days"]
    gap = (
        visit.t("rhythms.gap_to", low=low + 1, high=int(high))
        if high
        else visit.t("rhythms.gap_over", n=low)
    )
    head = (visit.t("rhythms.people_of", gap=gap), "/rhythm", visit.t("rhythms.title"))
    return people_page(visit, _of_gap(visit), "/rhythm/people", query, head)


def download_people(visit: Visit) -> Answer:
    """The same as CSV."""
    return people_file(_of_gap(visit))


def _is_once(visit: Visit) -> bool:
    return visit.query("once") == "yes"


def _gap(visit: Visit) -> dict[str, str]:
    found = {name: visit.query(name) for name in ("above", "days")}
    if not all(value.isascii() and value.isdigit() and len(value) < 5 for value in found.values()
               if value):  # fmt: skip
        raise NotFound()
    stage = visit.query("stage")
    kept = {"above": found["above"] or "0", "days": found["days"]}
    return kept | ({"stage": stage} if stage in ORDER else {})


def _of_gap(visit: Visit) -> Asking:
    if _is_once(visit):
        return asking(visit, "gap_people", {"has_come_once": True})
    query = _gap(visit)
    days = int(query["days"]) if query["days"] else None
    values = {"above": int(query["above"]), "days": days, "stage": query.get("stage", "")}
    return asking(visit, "gap_people", values)


def show_value(visit: Visit) -> Answer:
    """Orders and spend of the next year; takes its time where there are many."""
    try:
        found = ask(visit.settings, "rhythm_value", {}, timeout_s=_WAIT_S, is_batch=True)
    except QueryFailed as error:
        return Page("desk/rhythm_value.html", {"problem": visit.say(error), "missing": ""})
    told = found["total"]
    missing = shortage_words(visit, found["missing"])
    if told is None and not missing:
        missing = visit.t("rhythm.say_too_early")
    values = {"problem": "", "missing": missing, "total": told,
              "without_amount": found["without_amount"],
              "stages": [(stage, found["stages"][stage]) for stage in ORDER
                         if stage in found["stages"]]}  # fmt: skip
    return Page("desk/rhythm_value.html", values)


def shortage_words(visit: Visit, missing: dict[str, int] | None) -> str:
    """What is still missing before something can be said; empty when nothing is."""
    if not missing:
        return ""
    short = Shortage(**missing)
    people, days = short.repeaters_missing, short.days_missing
    key = "both" if people and days else "people" if people else "days"
    return words.text(visit.locale, f"rhythm.say_too_early_{key}", people=people, days=days)

"""The first page: people before charts. With few customers it says what is missing."""

from datetime import timedelta
from typing import Any

import msgspec
from psycopg.rows import dict_row

from dangol.know.giving.fans import find_fans
from dangol.know.rhythm.lookup import find_model, find_none
from dangol.know.rhythm.minimum import LEAST_REPEATERS, Shortage
from dangol.know.rhythm.sentence import too_early
from dangol.model.stage import Stage
from dangol.store.backup.hold import find_hold
from dangol.web.answer import Answer, Page
from dangol.web.desk import practice
from dangol.web.desk.jobs import job_values, say_error
from dangol.web.desk.listing import Figure
from dangol.web.desk.people import LATELY, SQL, People, count_people, list_people, stage_flow
from dangol.web.desk.suggestion import suggest
from dangol.web.desk.writing import list_written
from dangol.web.visit import Visit

_SHOWN = 6
_ORDER = [Stage.LOYAL, Stage.ACTIVE, Stage.NEW, Stage.LAPSING, Stage.INACTIVE, Stage.UNKNOWN]


class Bar(msgspec.Struct, frozen=True):
    """A stage with its people; `share` is 0 to 100 of the largest bar."""

    stage: str
    figure: Figure
    share: float


class Step(msgspec.Struct, frozen=True):
    """People who lately went from one stage to another."""

    was: str
    stage: str
    figure: Figure


def show(visit: Visit) -> Answer:
    """Two doors when there is nobody yet, else who needs attention."""
    job = practice.find_open_job(visit)
    if job is not None:
        return Page("desk/practice.html", {"job": job, **job_values(visit, job)})
    if not count_people(visit.conn, People(), visit.now).count and not _has_visitors(visit):
        return Page("desk/doors.html", {"error": _practice_error(visit)})
    quiet = People(stage=Stage.LAPSING, quiet=True)
    regular = People(stage=Stage.LOYAL, days=LATELY)
    first = People(first=LATELY)
    bars, steps = stages(visit)
    shown = {
        name: list_people(visit.conn, people, visit.now, limit=_SHOWN)
        for name, people in (("quiet", quiet), ("regulars", regular), ("firsts", first))
    }
    listed = [row["customer_id"] for rows in shown.values() for row in rows]
    values = shown | {
        "waiting": _rows(visit, SQL.waiting),
        "count_waiting": Figure(_one(visit, SQL.count_waiting), "/answers"),
        "count_quiet": count_people(visit.conn, quiet, visit.now),
        "count_regulars": count_people(visit.conn, regular, visit.now),
        "count_firsts": count_people(visit.conn, first, visit.now),
        "has_fans": find_fans(visit.conn) is not None,
        "suggest": suggest,
        "written": list_written(visit, listed),
        "newcomers": count_people(visit.conn, People(new=LATELY), visit.now),
        "everyone": count_people(visit.conn, People(), visit.now),
        "visitors": count_people(visit.conn, People(visitors=True), visit.now),
        "going_out": _rows(visit, SQL.going_out),
        "bars": bars,
        "steps": steps,
        "missing": missing(visit),
        "all_unknown": all(bar.stage == Stage.UNKNOWN for bar in bars if bar.figure.count),
        "is_practice": practice.find_mark(visit.conn) is not None,
        "is_held": find_hold(visit.conn) is not None,
        "lately": LATELY,
    }
    return Page("desk/home.html", values)


def _practice_error(visit: Visit) -> str:
    failed = practice.find_failed_job(visit)
    return say_error(visit, failed) if failed else ""


def stages(visit: Visit) -> tuple[list[Bar], list[Step]]:
    """How many stand where, and who moved lately, most first."""
    counts: dict[str, int] = {stage.value: 0 for stage in _ORDER}
    steps = []
    for stage, was, count in stage_flow(visit.conn, visit.now):
        counts[stage] += count
        if was is not None and was != stage:
            url = People(stage=stage, was=was, days=LATELY).url
            steps.append(Step(was, stage, Figure(count, url)))
    most = max(counts.values()) or 1
    bars = [
        Bar(stage, Figure(counts[stage], People(stage=stage).url), 100 * counts[stage] / most)
        for stage in _ORDER
        if counts[stage] or stage is not Stage.UNKNOWN
    ]
    return bars, sorted(steps, key=lambda step: (-step.figure.count, step.was, step.stage))


def missing(visit: Visit) -> list[tuple[str, dict[str, Any]]]:
    """What is not known yet and what would change that: keys of words with values."""
    orders, since = visit.conn.execute(SQL.count_orders).fetchone()
    notes: list[tuple[str, dict[str, Any]]] = []
    if orders == 0:
        notes.append(("home.no_orders", {}))
    elif find_model(visit.conn) is None:
        nothing = find_none(visit.conn)
        days = (visit.now.date() - since).days
        missing = nothing.shortage if nothing else Shortage(repeaters=LEAST_REPEATERS, days=days)
        notes += [(f"rhythm.say_{part.key}", dict(part.values)) for part in too_early(missing)]
    return notes


def _has_visitors(visit: Visit) -> bool:
    return count_people(visit.conn, People(visitors=True), visit.now).count > 0


def _rows(visit: Visit, query: str) -> list[dict[str, Any]]:
    cursor = visit.conn.cursor(row_factory=dict_row)
    return cursor.execute(query, {"limit": _SHOWN}).fetchall()


def _one(visit: Visit, query: str) -> int:
    return visit.conn.execute(query).fetchone()[0]


def quiet_for(row: dict[str, Any], now_day: Any) -> dict[str, int]:
    """In days: how long silent, and what is usual for this person."""
    gap = (row["last_day"] - row["first_day"]) / timedelta(days=1) / max(row["repeats"], 1)
    return {"quiet": (now_day - row["last_day"]).days, "usual": max(round(gap), 1)}

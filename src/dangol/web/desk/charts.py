"""What the charts of the desk are drawn from: plain values that a page carries for the script.

Words are put in before, colours are names of stages; every part that stands for people has the
address of the list of them.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from dangol.model.stage import Stage

ORDER = tuple(
    stage.value
    for stage in (
        Stage.LOYAL,
        Stage.ACTIVE,
        Stage.NEW,
        Stage.LAPSING,
        Stage.INACTIVE,
        Stage.UNKNOWN,
    )
)
"""Stages from near to far."""
NOBODY = "nobody"
"""Instead of a stage: who was no customer yet."""
BEFORE = (*ORDER, NOBODY)
"""What somebody may have been before."""


class Step(msgspec.Struct, frozen=True):
    """People who stood at `was` on the first day and at `stage` on the second."""

    was: str
    stage: str
    people: int
    url: str


class Line(msgspec.Struct, frozen=True):
    """One stage's numbers, each with the list of its people."""

    stage: str
    name: str
    values: list[int]
    urls: list[str]


def flow_chart(
    steps: list[Step], names: dict[str, str], url_of: Callable[[str, str], str]
) -> dict[str, Any]:
    """Two columns of stages with ribbons between them; `names` are the stages in words.

    `url_of` gives the list of who stood at a stage on the first day, and on the second.
    """
    nodes = [
        {"id": f"{side}:{stage}", "name": names[stage], "colour": _colour(stage),
         "end": side == "b", "url": url_of(stage, "") if side == "a" else url_of("", stage)}
        for side, all_of, key in (("a", BEFORE, "was"), ("b", ORDER, "stage"))
        for stage in all_of
        if any(getattr(step, key) == stage for step in steps)
    ]  # fmt: skip
    place = {stage: number for number, stage in enumerate(BEFORE)}
    links = [
        {"source": f"a:{step.was}", "target": f"b:{step.stage}", "people": step.people,
         "colour": _colour(step.was), "url": step.url}
        for step in sorted(steps, key=lambda step: (place[step.was], place[step.stage]))
    ]  # fmt: skip
    return {"kind": "flow", "nodes": nodes, "links": links}


def series_chart(kind: str, labels: list[str], lines: list[Line]) -> dict[str, Any]:
    """`lines` over time, or `bars` in stacks."""
    series = [
        {"name": line.name, "colour": _colour(line.stage), "values": line.values,
         "urls": line.urls}
        for line in lines
    ]  # fmt: skip
    return {"kind": kind, "labels": labels, "series": series}


def week_chart(week: list[float], days: list[str], says: list[str]) -> dict[str, Any]:
    """Seven days of 24 hours, Monday first, as shares of the busiest hour."""
    most = max(week, default=0) or 1
    cells = [[i % 24, i // 24, round(value / most, 3)] for i, value in enumerate(week)]
    hours = [f"{hour:02}" for hour in range(24)]
    return {"kind": "week", "days": days, "hours": hours, "cells": cells, "says": says}


def _colour(stage: str) -> str:
    return Stage.UNKNOWN.value if stage == NOBODY else stage

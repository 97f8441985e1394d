"""How lately and how often people came, in a table of five by five; and who moved in it."""

from typing import Any

import msgspec

from dangol.errors import NotFound
from dangol.web.answer import Answer, Page
from dangol.web.desk.audience import Asking, asking, people_file, people_page
from dangol.web.desk.listing import Figure, list_url
from dangol.web.desk.span import DaySpan, span_asked
from dangol.web.query import QueryFailed, ask
from dangol.web.visit import Visit

_WAIT_S = 60.0
_DAYS = 90
SCORES = (5, 4, 3, 2, 1)
_OUTSIDE = -1
_BY = ("recency", "frequency")


class Move(msgspec.Struct, frozen=True):
    """People who came from one score to another, and which way that is: up, down, same."""

    figure: Figure
    way: str


def show(visit: Visit) -> Answer:
    """The table as of the second day, and the moves since the first."""
    span = span_asked(visit, days=_DAYS)
    values: dict[str, Any] = {"span": span, "scores": SCORES, "problem": "", "people": 0}
    try:
        asked = {"on": span.query["until"], "since": span.query["since"]}
        found = ask(visit.settings, "rfm_grid", asked, timeout_s=_WAIT_S)
    except QueryFailed as error:
        return Page("desk/rfm.html", values | {"problem": visit.say(error)})
    most = max((count for row in found["cells"] for count in row), default=0) or 1
    cells = {
        (r, f): (_figure(found["cells"][r - 1][f - 1], span, recency=r, frequency=f),
                 _heat(found["cells"][r - 1][f - 1], most))
        for r in SCORES for f in SCORES
    }  # fmt: skip
    moves = [(name, _moves(found["moves"][name], name, span)) for name in _BY]
    return Page(
        "desk/rfm.html",
        values | {"people": _figure(found["people"], span), "cells": cells, "moves": moves},
    )


def _moves(counts: list[list[int]], name: str, span: DaySpan) -> dict[tuple[int, int], Move]:
    """By score before and after, 0 outside of the table."""
    found = {}
    for before in range(6):
        for after in range(6):
            scores = {name: after or _OUTSIDE, f"was_{name}": before or _OUTSIDE}
            figure = _figure(counts[before][after], span, **scores)
            found[before, after] = Move(figure, kind_of(before, after))
    return found


def kind_of(before: int, after: int) -> str:
    """Which way a move goes; 0 is outside of the table.

    >>> [kind_of(0, 3), kind_of(3, 0), kind_of(2, 4), kind_of(4, 2), kind_of(1, 1)]
    ['up', 'down', 'up', 'down', 'same']
    """
    return "same" if before == after else "up" if after > before else "down"


def _heat(count: int, most: int) -> int:
    """0 for nobody, else 1 to 5."""
    return -(-5 * count // most)


def _figure(count: int, span: DaySpan, **scores: int) -> Figure:
    query = span.query | {name: str(score) for name, score in scores.items()}
    return Figure(count, list_url("/rfm/people", query))


def show_people(visit: Visit) -> Answer:
    """Who stands behind one number."""
    span, scores = span_asked(visit, days=_DAYS), _scores(visit)
    told = [
        visit.t(f"rfm.{name}_of" if score > 0 else "rfm.outside", n=score)
        for name, score in scores.items() if score
    ]  # fmt: skip
    title = ", ".join(told) or visit.t("rfm.everyone")
    query = span.query | {name: str(score) for name, score in scores.items() if score}
    head = (title, list_url("/rfm", span.query), visit.t("rfm.title"))
    return people_page(visit, _of_cell(visit), "/rfm/people", query, head)


def download_people(visit: Visit) -> Answer:
    """The same as CSV."""
    return people_file(_of_cell(visit))


def _scores(visit: Visit) -> dict[str, int]:
    allowed = {str(score): score for score in range(_OUTSIDE, 6)} | {"": 0}
    names = (*_BY, *(f"was_{name}" for name in _BY))
    try:
        return {name: allowed[visit.query(name)] for name in names}
    except KeyError:
        raise NotFound() from None


def _of_cell(visit: Visit) -> Asking:
    span, scores = span_asked(visit, days=_DAYS), _scores(visit)
    now, was = ((scores[f"{side}recency"], scores[f"{side}frequency"]) for side in ("", "was_"))
    values: dict[str, Any] = {"on": span.query["until"], "since": span.query["since"]}
    values |= dict(zip(_BY, _whole(now), strict=True))
    if any(was):
        values |= dict(zip((f"was_{name}" for name in _BY), _whole(was), strict=True))
    return asking(visit, "rfm_people", values)


def _whole(scores: tuple[int, int]) -> tuple[int, int]:
    """Being outside of the table concerns both scores."""
    return (_OUTSIDE, 0) if _OUTSIDE in scores else scores

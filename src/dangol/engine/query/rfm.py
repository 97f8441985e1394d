"""The table of recency and frequency on a day, who moved in it since, and who they are."""

from datetime import date, timedelta

import msgspec
import numpy as np
import pyarrow as pa

from dangol.engine.query.found import Cell, Grid
from dangol.engine.query.page import MAX_PAGE
from dangol.engine.query.registry import answers
from dangol.engine.query.warm import Warm
from dangol.know.rhythm import rfm, store
from dangol.know.rhythm.calendar import number_of
from dangol.know.segment.service import Sampled
from dangol.store.pool import connect


class GridAsked(msgspec.Struct, frozen=True, kw_only=True):
    """The table as of a day; who had no order within `days` before is not in it."""

    on: date
    days: int = 365
    since: date | None = None
    """With it, who moved from that day to `on`."""


class CellAsked(GridAsked, frozen=True, kw_only=True):
    """The people of a cell, or with `was` those who came into it from another.

    A score of 0 stands for any, -1 for not being in the table.
    """

    recency: int
    frequency: int
    was_recency: int | None = None
    was_frequency: int | None = None
    after: int = 0
    limit: int = 50


class _Graded(msgspec.Struct, frozen=True):
    ids: np.ndarray
    grades: rfm.Grades


@answers("rfm_grid", GridAsked)
def rfm_grid(warm: Warm, asked: GridAsked) -> Grid:
    """Everyone of the window by fifths, and the moves since another day."""
    now = _graded(warm, asked.on, asked.days)
    moves = {}
    if asked.since is not None:
        before = _graded(warm, asked.since, asked.days)
        moves = {
            name: rfm.transitions(*_paired(before, now, name)).tolist()
            for name in ("recency", "frequency")
        }
    return Grid(
        people=len(now.ids),
        cells=rfm.cells(now.grades).tolist(),
        money=np.bincount(now.grades.money, minlength=6)[1:].tolist(),
        moves=moves,
    )


@answers("rfm_people", CellAsked)
def rfm_people(warm: Warm, asked: CellAsked) -> Cell:
    """Who stands behind one number of the table or of its moves."""
    now = _graded(warm, asked.on, asked.days)
    ids = _chosen(now, asked.recency, asked.frequency)
    if asked.since is not None and asked.was_recency is not None:
        before = _graded(warm, asked.since, asked.days)
        came = _chosen(before, asked.was_recency, asked.was_frequency or 0)
        ids = _moved(before.ids if asked.was_recency == -1 else came, ids, now.ids, asked)
    page = ids[ids > asked.after][: min(max(asked.limit, 1), MAX_PAGE)]
    rows = warm.as_of().snapshot.query(
        "select customer_id, json_extract_string(traits, '/name') as name,"
        " json_extract_string(traits, '/email') as email from customers"
        " where list_contains($1, customer_id) order by customer_id",
        [page.tolist()],
    )
    return Cell(people=len(ids), page=[Sampled(**row) for row in rows.to_pylist()])


def _graded(warm: Warm, on: date, days: int) -> _Graded:
    with connect(warm.dsn, name="query") as conn:
        found = store.read_window(conn, on - timedelta(days=min(max(days, 1), 3650)), on)
    found = found.sort_by("customer_id")
    last = found["last_day"].combine_chunks().cast(pa.int32()).to_numpy(zero_copy_only=False)
    order_days, orders = found["order_days"].to_numpy(), found["orders"].to_numpy()
    total = np.where(orders == order_days, found["total"].to_numpy().astype(float), np.nan)
    grades = rfm.grade(number_of(on) - last, order_days, total)
    return _Graded(found["customer_id"].to_numpy(), grades)


def _chosen(graded: _Graded, recency: int, frequency: int) -> np.ndarray:
    """Ids of a cell; a score of 0 stands for any."""
    kept = np.ones(len(graded.ids), bool)
    if recency:
        kept &= graded.grades.recency == recency
    if frequency:
        kept &= graded.grades.frequency == frequency
    return graded.ids[kept]


def _moved(came: np.ndarray, ids: np.ndarray, now: np.ndarray, asked: CellAsked) -> np.ndarray:
    """Who came from one part of the table into another, in order."""
    if asked.recency == -1:
        return np.setdiff1d(came, now)
    return np.setdiff1d(ids, came) if asked.was_recency == -1 else np.intersect1d(ids, came)


def _paired(before: _Graded, after: _Graded, name: str) -> tuple[rfm.Scores, rfm.Scores]:
    """Scores of everyone in either, in one order; 0 where somebody is in the other only."""
    ids = np.union1d(before.ids, after.ids)
    scores = []
    for graded in (before, after):
        one = np.zeros(len(ids), np.int8)
        one[np.searchsorted(ids, graded.ids)] = getattr(graded.grades, name)
        scores.append(one)
    return scores[0], scores[1]

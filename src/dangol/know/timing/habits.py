"""Many people's habits at once, from what was counted of them and everybody's model."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dangol.know.timing.choice import has_own_habit
from dangol.know.timing.hours import HOURS, Array, posterior, smooth
from dangol.know.timing.store import TimingModel

FEWEST_ACTS = 10
"""Below it, nothing is said about somebody's own hours."""


@dataclass(frozen=True, slots=True, eq=False)
class Habits:
    """Rows of people, in ascending order of their ids."""

    customer_id: NDArray[np.int64]
    p: Array
    """(people, 24): how likely each hour of their own clock is."""
    is_own: NDArray[np.bool_]
    """Whether their own hours stand out from everybody's."""

    def of(self, customers: NDArray[np.int64]) -> tuple[Array, NDArray[np.bool_]]:
        """`p` and `is_own` for these people; zeros and False for those of whom nothing was counted."""
        p, is_own = np.zeros((customers.size, HOURS)), np.zeros(customers.size, np.bool_)
        places = np.searchsorted(self.customer_id, customers)
        known = places < self.customer_id.size
        known[known] = self.customer_id[places[known]] == customers[known]
        found = np.flatnonzero(known)
        p[found], is_own[found] = self.p[places[found]], self.is_own[places[found]]
        return p, is_own


def habits_of(model: TimingModel, counted: pa.Table) -> Habits:
    """The habits of everybody in `counted` (columns of `count_hours`). Pure."""
    people, weights = per_person(counted, "weight")
    _, acts = per_person(counted, "acts")
    smoothed = smooth(weights)
    zones = _zones(counted)
    p, is_own = np.zeros_like(smoothed), np.zeros(people.size, np.bool_)
    for zone in np.unique(zones).tolist():
        rows, pi = zones == zone, np.array(model.pi(zone))
        p[rows] = posterior(smoothed[rows], pi, model.kappa)
        is_own[rows] = has_own_habit(p[rows], pi, smoothed[rows].sum(axis=1), model.kappa)
    return Habits(people, p, is_own & (acts.sum(axis=1) >= FEWEST_ACTS))


def per_person(rows: pa.Table, value: str) -> tuple[NDArray[np.int64], Array]:
    """Customer ids, and one row of 24 numbers for each."""
    people, place = np.unique(rows.column("customer_id").to_numpy(), return_inverse=True)
    counts = np.zeros((people.size, HOURS))
    np.add.at(counts, (place, rows.column("hour").to_numpy()), rows.column(value).to_numpy())
    return people, counts


def _zones(rows: pa.Table) -> NDArray[np.str_]:
    known = rows.column("zone").to_numpy(zero_copy_only=False).astype(str)
    _, first = np.unique(rows.column("customer_id").to_numpy(), return_index=True)
    return known[first]

"""Customers who come and leave exactly as the model says, to the day, with the truth beside."""

from dataclasses import dataclass

import numpy as np

from dangol.know.rhythm.history import Histories, from_days
from dangol.know.rhythm.model import Params

SHOP = Params(r=1.2, alpha=7.0, a=0.9, b=3.2)
"""A shop with a rhythm: about one order in six weeks, one in five leaves after each."""


@dataclass(frozen=True)
class Crowd:
    """Order days of everyone; day 0 is the first of all."""

    customer: np.ndarray
    day: np.ndarray

    def histories(self, until: int) -> Histories:
        """As of a day; who had not come by then is left out."""
        return from_days(self.customer, self.day, until)[1]


def simulate(params: Params, customers: int, days: int, seed: int, joined: int = 0) -> Crowd:
    """`customers` who first come on days 0 to `joined` (all of the time by default)."""
    rng = np.random.default_rng(seed)
    rate = rng.gamma(params.r, 1 / (params.alpha * 7), customers)
    leave = rng.beta(params.a, params.b, customers)
    time = rng.integers(0, (joined or days) + 1, customers).astype(float)
    who, when = [np.arange(customers)], [time.astype(int)]
    here = np.flatnonzero(rng.random(customers) >= leave)
    while here.size:
        time[here] += rng.exponential(1, here.size) / np.maximum(rate[here], 1e-9)
        here = here[time[here] <= days]
        who.append(here)
        when.append(time[here].astype(int))
        here = here[rng.random(here.size) >= leave[here]]
    return Crowd(np.concatenate(who), np.concatenate(when))

"""Fitting and scoring a million customers, against the same model without grouping."""

import time
from collections.abc import Callable

import numpy as np

from bench.report import Figure, show
from dangol.know.rhythm.fit import climb, fit
from dangol.know.rhythm.history import Histories, group, histories
from dangol.know.rhythm.likelihood import Likelihood
from dangol.know.rhythm.model import ModelKind, Params, RhythmModel
from dangol.know.rhythm.score import score
from dangol.know.rhythm.stage import restage

_CUSTOMERS = 1_000_000
_TRUE = Params(r=0.6, alpha=6.0, a=0.8, b=1.6)


def simulate(customers: int, seed: int = 1) -> Histories:
    """Customers of up to two years who order and leave as an MBG/NBD says, to the day."""
    rng = np.random.default_rng(seed)
    rate = rng.gamma(_TRUE.r, 1 / (_TRUE.alpha * 7), customers)
    leave = rng.beta(_TRUE.a, _TRUE.b, customers)
    age = rng.integers(1, 731, customers)
    orders = rng.geometric(np.maximum(leave, 1e-9)) - 1
    repeats, last, time_ = np.zeros(customers, int), np.zeros(customers, int), np.zeros(customers)
    alive = orders > 0
    while alive.any():
        at = np.flatnonzero(alive)
        time_[at] += rng.exponential(1 / np.maximum(rate[at], 1e-12))
        day = np.ceil(time_[at]).clip(max=10**6).astype(int)
        inside = day <= age[at]
        counted = at[inside]
        repeats[counted] += day[inside] > last[counted]
        last[counted] = day[inside]
        orders[at] -= 1
        alive[at] = inside & (orders[at] > 0)
    return histories(repeats, last, age)


def _seconds(work: Callable[[], object], times: int = 3) -> float:
    """The best of `times` runs: the machine's noise only ever adds."""
    best = float("inf")
    for _ in range(times):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def main() -> None:
    """Print both figures."""
    rows = simulate(_CUSTOMERS)
    groups = len(group(rows))
    fitting = _seconds(lambda: fit(rows))
    plain = _seconds(lambda: climb(Likelihood(rows, ModelKind.MBG, 73.0)), times=1)
    show(
        Figure(
            "fit of 1 M customers",
            fitting,
            "s",
            1.0,
            plain,
            "ungrouped",
            higher_is_better=False,
            note=f"{groups:,} groups",
        )
    )
    found = fit(rows)
    now = np.datetime64("now").astype(object)
    model = RhythmModel(
        version=1,
        kind=found.kind,
        params=found.params,
        fitted_at=now,
        as_of=now.date(),
        customers=found.customers,
        repeaters=found.repeaters,
        log_likelihood=found.log_likelihood,
    )
    old = np.zeros(len(rows), np.int8)
    acted = np.zeros(len(rows), bool)
    scoring = _seconds(lambda: restage(model, rows, old, acted))
    few = histories(rows.repeats[:2000], rows.last[:2000], rows.age[:2000])
    single = [
        histories([x], [t], [age]) for x, t, age in zip(few.repeats, few.last, few.age, strict=True)
    ]
    one_by_one = _seconds(lambda: [score(found.params, found.kind, row) for row in single])
    show(
        Figure(
            "stage of 1 M customers",
            scoring,
            "s",
            1.0,
            one_by_one * len(rows) / len(few),
            "one by one",
            higher_is_better=False,
        )
    )


if __name__ == "__main__":
    main()

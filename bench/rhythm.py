"""Learning and applying the rhythm of a million customers, against plainer ways of doing it."""

import datetime as dt
import time
from collections.abc import Callable

import numpy as np
import psycopg
import pyarrow as pa
from scipy.optimize import minimize

from bench._ground import fresh_database
from bench.report import Figure, show
from dangol.know.rhythm.fit import Fit, as_model, climb, fit
from dangol.know.rhythm.forecast import expected_orders
from dangol.know.rhythm.history import Histories, group, histories
from dangol.know.rhythm.likelihood import Likelihood
from dangol.know.rhythm.model import ModelKind, Params, RhythmModel
from dangol.know.rhythm.score import score
from dangol.know.rhythm.service import refit, rescore, stages_of
from dangol.know.rhythm.spend import Amounts, SpendLikelihood, fit_spend
from dangol.know.rhythm.stage import restage
from dangol.model.event import Cause
from dangol.store.bulk import copy_arrow
from dangol.store.pool import connect

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
    """Print all figures."""
    rows = simulate(_CUSTOMERS)
    found = _fitting(rows)
    model = _model(found)
    _scoring(rows, model)
    _spending(rows)
    _expecting(rows, model)
    _rescoring()


def _fitting(rows: Histories) -> Fit:
    plain = _seconds(lambda: climb(Likelihood(rows, ModelKind.MBG, 73.0)), times=1)
    note = f"{len(group(rows)):,} groups"
    _show("fit of 1 M customers", _seconds(lambda: fit(rows)), plain, "ungrouped", note)
    return fit(rows)


def _scoring(rows: Histories, model: RhythmModel) -> None:
    old = np.zeros(len(rows), np.int8)
    acted = np.zeros(len(rows), bool)
    few = [
        histories([x], [t], [age])
        for x, t, age in zip(rows.repeats[:2000], rows.last[:2000], rows.age[:2000], strict=True)
    ]
    one_by_one = _seconds(lambda: [score(model.params, model.kind, row) for row in few])
    _show(
        "stage of 1 M customers",
        _seconds(lambda: restage(model, rows, old, acted)),
        one_by_one * len(rows) / len(few),
        "one by one",
    )


def _spending(rows: Histories) -> None:
    """Gamma-Gamma of everyone who came back, against the same without counting orders together."""
    rng = np.random.default_rng(2)
    back = rows.repeats[rows.repeats > 0]
    paid = Amounts(back, rng.gamma(6.2 * back, 1 / rng.gamma(3.7, 1 / 15.4, len(back))) / back)
    apart = _seconds(lambda: _plain_spend(paid), times=1)
    note = f"{len(back):,} with an amount"
    _show("spend model of 1 M customers", _seconds(lambda: fit_spend(paid, "USD")), apart,
          "numerical slope", note)  # fmt: skip


def _plain_spend(paid: Amounts) -> object:
    """The same optimum without the analytic gradient."""
    unit = paid.mean.mean()
    likelihood = SpendLikelihood(Amounts(paid.orders, paid.mean / unit))
    return minimize(
        lambda logs: -likelihood.value_and_gradient(np.exp(logs))[0] / len(paid.orders),
        np.zeros(3),
        method="L-BFGS-B",
    )


def _expecting(rows: Histories, model: RhythmModel) -> None:
    few = histories(rows.repeats[:500], rows.last[:500], rows.age[:500])
    singles = [
        histories([x], [t], [age]) for x, t, age in zip(few.repeats, few.last, few.age, strict=True)
    ]
    each = _seconds(lambda: [expected_orders(model.params, model.kind, r, 365) for r in singles])
    _show(
        "orders of the next year of 1 M customers",
        _seconds(lambda: expected_orders(model.params, model.kind, rows, 365), times=1),
        each * len(rows) / len(singles),
        "one by one",
    )


def _rescoring() -> None:
    """One percent ordered: only they are asked for, against rescoring everyone, in a database."""
    customers = 100_000
    with fresh_database() as settings, connect(settings.database_url or "", name="bench") as conn:
        _fill(conn, customers)
        today, now = dt.date(2026, 3, 1), dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
        model = refit(conn, today, now)
        rescore(conn, (0, 1023), today, now, Cause.REFIT)
        some = np.arange(1, customers, 100)
        asked = pa.table(
            {
                "bucket": pa.array(some % 1024, pa.int32()),
                "customer_id": pa.array(some),
                "cause": pa.array(["behaviour"] * len(some)),
            }
        )
        whole = _seconds(lambda: rescore(conn, (0, 1023), today, now, Cause.TIME), times=1)
        changed = _seconds(lambda: stages_of(conn, asked, model, today, now))
    _show(
        "rescore of 1,000 who changed, of 100,000",
        changed,
        whole,
        "everyone",
        "read, staged and compared in PostgreSQL",
    )


def _fill(conn: psycopg.Connection, customers: int) -> None:
    rng = np.random.default_rng(3)
    who = np.repeat(np.arange(1, customers + 1), rng.geometric(0.4, customers))
    day = np.datetime64("2024-03-01") + rng.integers(0, 730, len(who))
    pairs = (
        pa.table({"customer_id": who, "day": day}).group_by(["customer_id", "day"]).aggregate([])
    )
    count = pairs.num_rows
    days = pa.table(
        {
            "bucket": pa.array(pairs["customer_id"].to_numpy() % 1024, pa.int32()),
            "customer_id": pairs["customer_id"],
            "day": pairs["day"],
            "events": pa.array(np.ones(count, np.int32)),
            "revenue_minor": pa.array(rng.integers(1000, 90_000, count)),
        }
    )
    copy_arrow(conn, "relationship_day", days)
    conn.execute("analyze relationship_day")


def _model(found: Fit) -> RhythmModel:
    now = dt.datetime.now(dt.UTC)
    return as_model(found, now.date(), now)


def _show(what: str, seconds: float, baseline: float, against: str, note: str = "") -> None:
    show(Figure(what, seconds, "s", 1.0, baseline, against, higher_is_better=False, note=note))


if __name__ == "__main__":
    main()

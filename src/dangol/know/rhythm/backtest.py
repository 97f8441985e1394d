"""Is the rhythm better than a fixed rule? Both forecast what was not known yet, and are compared.

At each cut a model is learned from what lies before it. Fixed rules ("ordered within the last 30
days") learn how often each of their groups comes from the window that ends at the cut. Both then
say of everybody how likely an order is within the days after it.
"""

from datetime import UTC, date, datetime, time, timedelta

import msgspec
import numpy as np
from numpy.typing import NDArray

from dangol.errors import InputError
from dangol.know.rhythm.calendar import ALWAYS, OpenDays, number_of
from dangol.know.rhythm.fit import Fit, as_model, fit
from dangol.know.rhythm.history import Histories, from_days
from dangol.know.rhythm.minimum import LEAST_DAYS, find_shortage
from dangol.know.rhythm.model import ModelKind
from dangol.know.rhythm.orderlog import OrderLog
from dangol.know.rhythm.score import p_active
from dangol.know.rhythm.stage import choose_thresholds, restage

Array = NDArray[np.float64]
RULES: dict[str, tuple[int, ...]] = {
    "30 days": (30,),
    "60 days": (60,),
    "90 days": (90,),
    "ladder 30/60/90": (30, 60, 90),
}
"""Fixed rules by where their groups of days since the last order end."""
MODELS = {"MBG/NBD": ModelKind.MBG, "BG/NBD": ModelKind.BG}
RHYTHM = "MBG/NBD"
MOST_CUTS = 3
_SURE = 2.0
"""So many standard errors must a difference be to count as one."""
_EDGE = 1e-6


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """Means over the cuts."""

    auc: float
    """How often somebody who came had the higher probability than somebody who did not."""
    brier: float
    log_loss: float
    information: float
    """How much the groups (stages, or those of the rule) tell about who comes: mutual information
    as a share of everything there is to tell."""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """What came out."""

    days: int
    cuts: list[date]
    customers: int
    """At the last cut."""
    came: float
    """Which share came within the days, on average over the cuts."""
    methods: dict[str, Quality]
    best_rule: str
    gain: float
    """By how much the log-loss of the rhythm is lower than the best rule's, per customer."""
    gain_error: float
    """Its standard error; customers, not cuts, are counted as independent."""

    @property
    def is_rule_as_good(self) -> bool:
        """Whether a fixed rule does as well, as far as this file can tell."""
        return self.gain <= _SURE * self.gain_error

    @property
    def is_rule_better(self) -> bool:
        """Whether a fixed rule does visibly better, as where everyone stays away equally long."""
        return self.gain < -_SURE * self.gain_error


class _Cut(msgspec.Struct, frozen=True):
    who: NDArray[np.int64]
    came: NDArray[np.bool_]
    p: dict[str, Array]
    groups: dict[str, NDArray[np.int64]]


def compare(
    log: OrderLog, days: int, cuts: list[date] | None = None, calendar: OpenDays = ALWAYS
) -> Comparison:
    """Forecasts of an order within `days` of each cut, by the models and by fixed rules.

    Without `cuts` up to three are taken, evenly from the later half of what can be judged.

    Raises:
        InputError: the file covers too little time, or too few customers came back by a cut.
    """
    cuts = cuts or choose_cuts(log, days)
    if not cuts or max(cuts) + timedelta(days=days) > log.last:
        raise InputError(
            "There must be {days} days of orders after the last cut; the file ends on {last}.",
            days=days,
            last=log.last.isoformat(),
        )
    looked = [_look(log, cut, days, calendar) for cut in sorted(cuts)]
    methods = {name: _quality(looked, name) for name in (*MODELS, *RULES)}
    best = min(RULES, key=lambda name: methods[name].log_loss)
    gain, error = _gain(looked, best, len(log.customers))
    return Comparison(
        days=days,
        cuts=sorted(cuts),
        customers=len(looked[-1].who),
        came=float(np.mean([one.came.mean() for one in looked])),
        methods=methods,
        best_rule=best,
        gain=gain,
        gain_error=error,
    )


def choose_cuts(log: OrderLog, days: int) -> list[date]:
    """Up to three days from which both a past to learn from and a future to check are known.

    Raises:
        InputError: there are none.
    """
    latest = log.last - timedelta(days=days)
    earliest = log.first + timedelta(days=LEAST_DAYS + days)
    if earliest > latest:
        raise InputError(
            "The file covers {known} days; {needed} are needed to learn and then to check.",
            known=(log.last - log.first).days,
            needed=LEAST_DAYS + 2 * days,
        )
    earliest = max(earliest, log.first + (latest - log.first) / 2)
    step = (latest - earliest) / (MOST_CUTS - 1)
    return sorted({earliest + step * place for place in range(MOST_CUTS)})


def _look(log: OrderLog, cut: date, days: int, calendar: OpenDays) -> _Cut:
    """Everyone's probability by each method, and what happened."""
    until = number_of(cut)
    who, rows = from_days(log.customer, log.day, until, calendar)
    known = (cut - log.first).days
    if find_shortage(rows.repeaters, known):
        raise InputError(
            "By {cut} only {back} customers had come back, and {known} days were known; at least "
            "30 and 90 are needed.",
            cut=cut.isoformat(),
            back=rows.repeaters,
            known=known,
        )
    p: dict[str, Array] = {}
    groups: dict[str, NDArray[np.int64]] = {}
    ahead = calendar.between(cut, cut + timedelta(days=days))
    for name, kind in MODELS.items():
        found = fit(rows, kind)
        p[name] = p_active(found.params, kind, rows, ahead)
        groups[name] = _stages(found, rows, cut)
    quiet = _quiet(log, who, until)
    past, _ = from_days(log.customer, log.day, until - days)
    past_quiet, past_came = _quiet(log, past, until - days), _came(log, past, until - days, days)
    for name, ends in RULES.items():
        groups[name] = np.searchsorted(ends, quiet)
        p[name] = _rates(np.searchsorted(ends, past_quiet), past_came, len(ends) + 1)[groups[name]]
    return _Cut(who, _came(log, who, until, days), p, groups)


def _stages(found: Fit, rows: Histories, cut: date) -> NDArray[np.int64]:
    """The stage of each without a past: what p alone says."""
    nobody = np.zeros(len(rows), np.int8)
    model = as_model(found, cut, datetime.combine(cut, time(), UTC))
    model = msgspec.structs.replace(model, thresholds=choose_thresholds(rows))
    return restage(model, rows, nobody, nobody).codes.astype(np.int64)


def _quiet(log: OrderLog, who: NDArray[np.int64], until: int) -> NDArray[np.int64]:
    """Days of any kind since the last order, of each in `who`."""
    last = np.full(len(log.customers), np.iinfo(np.int64).min)
    seen = log.day <= until
    np.maximum.at(last, log.customer[seen], log.day[seen])
    return until - last[who]


def _came(log: OrderLog, who: NDArray[np.int64], until: int, days: int) -> NDArray[np.bool_]:
    window = (log.day > until) & (log.day <= until + days)
    came = np.zeros(len(log.customers), bool)
    came[log.customer[window]] = True
    return came[who]


def _rates(group: NDArray[np.int64], came: NDArray[np.bool_], groups: int) -> Array:
    """How often each group came, with half a customer who did and half one who did not."""
    people = np.bincount(group, minlength=groups)
    return (np.bincount(group, came, groups) + 0.5) / (people + 1)


def _quality(looked: list[_Cut], name: str) -> Quality:
    values = np.array(
        [
            [
                auc(one.p[name], one.came),
                np.mean((one.p[name] - one.came) ** 2),
                losses(one.p[name], one.came).mean(),
                information(one.groups[name], one.came),
            ]
            for one in looked
        ]
    ).mean(axis=0)
    return Quality(
        auc=float(values[0]),
        brier=float(values[1]),
        log_loss=float(values[2]),
        information=float(values[3]),
    )


def auc(p: Array, came: NDArray[np.bool_]) -> float:
    """The area under the curve by ranks, ties counting half; .5 where all or none came."""
    _, of, counts = np.unique(p, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - (counts - 1) / 2)[of]
    yes = int(came.sum())
    no = len(came) - yes
    return 0.5 if not yes or not no else float((rank[came].sum() - yes * (yes + 1) / 2) / yes / no)


def losses(p: Array, came: NDArray[np.bool_]) -> Array:
    """-ln of what was said of what happened, per customer."""
    said = np.clip(p, _EDGE, 1 - _EDGE)
    return -np.where(came, np.log(said), np.log1p(-said))


def information(group: NDArray[np.int64], came: NDArray[np.bool_]) -> float:
    """Mutual information of group and outcome over the entropy of the outcome; 0 without any."""
    table = np.stack([np.bincount(group, came), np.bincount(group, ~came)]) / len(came)
    one, other = table.sum(axis=1, keepdims=True), table.sum(axis=0, keepdims=True)
    entropy = -float(sum(share * np.log(share) for share in one.ravel() if share > 0))
    if entropy == 0:
        return 0.0
    some = table > 0
    return float((table[some] * np.log(table[some] / (one * other)[some])).sum()) / entropy


def _gain(looked: list[_Cut], rule: str, customers: int) -> tuple[float, float]:
    """Mean difference of log-loss and its standard error, clustered by customer."""
    total, count = np.zeros(customers), np.zeros(customers)
    for one in looked:
        total[one.who] += losses(one.p[rule], one.came) - losses(one.p[RHYTHM], one.came)
        count[one.who] += 1
    mean = total.sum() / count.sum()
    spread = np.sqrt(((total - mean * count) ** 2).sum()) / count.sum()
    return float(mean), float(spread)

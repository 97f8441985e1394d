"""Every number said of a customer is one that can be counted or computed again, and fits the stage."""

import datetime as dt
import re
from functools import cache

import msgspec
import numpy as np
import pytest

from dangol.know.rhythm.calendar import OpenDays, number_of
from dangol.know.rhythm.explain import StageRow, explain, explain_all
from dangol.know.rhythm.history import from_days
from dangol.know.rhythm.minimum import Shortage
from dangol.know.rhythm.model import USUAL, ModelKind, RhythmModel
from dangol.know.rhythm.sentence import sentence
from dangol.know.rhythm.stage import STAGES, is_held, restage
from dangol.model.event import Cause
from dangol.model.stage import Stage
from dangol.web.desk.display import Display
from dangol.web.desk.rhythm_words import say
from dangol.web.words import text
from tests.unit.know.rhythm.crowd import SHOP, Crowd, simulate

CUSTOMERS, DAYS = 10_000, 700
TODAY = dt.date(2026, 3, 11)
START = number_of(TODAY) - DAYS
NOW = dt.datetime(2026, 3, 11, 3, tzinfo=dt.UTC)
CALENDAR = OpenDays(weekly=(7,), closed=tuple(dt.date(2026, 2, day) for day in range(16, 22)))
BEFORE = msgspec.structs.replace(SHOP, a=3 * SHOP.a)
"""What was thought until the last refit: that more people leave than really do."""
MODEL = RhythmModel(
    version=4,
    kind=ModelKind.MBG,
    params=SHOP,
    fitted_at=NOW,
    as_of=TODAY,
    customers=CUSTOMERS,
    repeaters=5000,
    log_likelihood=-1.0,
    calendar=CALENDAR,
)
NAMED = {
    "en": {
        Stage.LOYAL: ("a regular",),
        Stage.ACTIVE: ("to be expected",),
        Stage.LAPSING: ("quieter than usual", "sure of another visit"),
        Stage.INACTIVE: ("unlikely",),
        Stage.NEW: ("new",),
    },
    "ko": {
        Stage.LOYAL: ("단골",),
        Stage.ACTIVE: ("다시 찾아올",),
        Stage.LAPSING: ("뜸해진", "확실하지 않은"),
        Stage.INACTIVE: ("다시 오기 어려운",),
        Stage.NEW: ("새 손님",),
    },
}


@cache
def _lives() -> tuple[Crowd, list[StageRow]]:
    """Everyone's orders, and stages kept week by week as the engine keeps them."""
    crowd = simulate(SHOP, CUSTOMERS, DAYS, 11)
    crowd = Crowd(crowd.customer, crowd.day + START)
    codes = np.zeros(CUSTOMERS, np.int8)
    before, since = codes.copy(), np.zeros(CUSTOMERS, np.int64)
    for today in range(START + 90, START + DAYS + 1, 10):
        who, rows = from_days(crowd.customer, crowd.day, today, CALENDAR)
        acted = np.isin(who, crowd.customer[(crowd.day > today - 10) & (crowd.day <= today)])
        is_old = today < number_of(TODAY) - 60
        model = msgspec.structs.replace(MODEL, params=BEFORE) if is_old else MODEL
        held = is_held(codes[who], before[who], today - since[who])
        after = restage(model, rows, codes[who], acted, held).codes
        moved = who[after != codes[who]]
        before[moved], since[moved] = codes[moved], today
        codes[who] = after
    order = np.lexsort((crowd.day, crowd.customer))
    days = np.split(crowd.day[order], np.cumsum(np.bincount(crowd.customer))[:-1])
    return crowd, [_row(i, days[i], (codes[i], before[i]), since[i]) for i in range(CUSTOMERS)]


def _row(customer: int, days: np.ndarray, codes: tuple[int, int], since: int) -> StageRow:
    known = np.unique(days)
    return StageRow(
        bucket=0,
        customer_id=customer,
        stage=STAGES[codes[0]],
        since=dt.datetime.fromtimestamp(int(since) * 86400, dt.UTC),
        previous=STAGES[codes[1]] if codes[1] else None,
        cause=Cause.TIME,
        repeats=len(known) - 1,
        first_day=dt.date.fromordinal(int(known[0]) + dt.date(1970, 1, 1).toordinal()),
        last_day=dt.date.fromordinal(int(known[-1]) + dt.date(1970, 1, 1).toordinal()),
        p=None,
        model_version=4,
        scored_at=NOW,
    )


@cache
def _truth() -> dict[str, np.ndarray]:
    """The numbers again, from the events and the four parameters: no code of the engine's."""
    crowd, _ = _lives()
    until = number_of(TODAY)
    line = np.arange(START - 8, until + 800)
    is_open = (line + 3) % 7 != 6
    for day in CALENDAR.closed:
        is_open[number_of(day) - line[0]] = False
    opened = np.cumsum(is_open)
    x, first, last = (np.zeros(CUSTOMERS, int) for _ in range(3))
    pairs = np.unique(np.stack([crowd.customer, crowd.day], axis=1), axis=0)
    np.add.at(x, pairs[:, 0], 1)
    x -= 1
    first[pairs[::-1, 0]] = pairs[::-1, 1]
    last[pairs[:, 0]] = pairs[:, 1]

    def count(since: np.ndarray, to: np.ndarray) -> np.ndarray:
        return opened[to - line[0]] - opened[since - line[0]]

    recency = np.maximum(count(first, last), x > 0)
    age = np.maximum(count(first, np.full(CUSTOMERS, until)), recency)
    r, alpha, a, b = SHOP.r + x, SHOP.alpha, SHOP.a, SHOP.b + x
    quiet = (alpha + age / 7) / (alpha + recency / 7)
    horizon = np.clip(2 * (alpha + recency / 7) / r * 7, 7, 364)
    alive = 1 / (1 + a / b * quiet**r)
    come = 1 - ((alpha + age / 7) / (alpha + age / 7 + horizon / 7)) ** r
    ahead = opened[until - line[0] :] - opened[until - line[0]]
    return {
        "x": x,
        "gap": np.maximum(np.round((last - first) / np.maximum(x, 1)), 1).astype(int),
        "quiet": until - last,
        "quiet_open": count(last, np.full(CUSTOMERS, until)),
        "silence": np.round(100 * quiet**-r).astype(int),
        "p": alive * come,
        "within": np.searchsorted(ahead, np.ceil(horizon - 1e-9)),
        "newcomer": (x == 0) & (age <= min(2 * alpha / SHOP.r * 7, 364)),
    }


@pytest.mark.parametrize("locale", ["en", "ko"])
def test_every_number_of_ten_thousand_sentences_is_true(locale: str) -> None:
    _, rows = _lives()
    truth, show = _truth(), Display(locale, "UTC", NOW)
    told = [sentence(one) for one in explain_all(rows, MODEL, TODAY)]
    strict = _levels(truth)
    seen = set()
    for i, (row, one) in enumerate(zip(rows, told, strict=True)):
        said = say(one, show)
        numbers = [
            int(n.replace(",", "")) for n in re.findall(r"\d[\d,]*", f"{said.own} {said.model}")
        ]
        assert sorted(numbers) == sorted(_expected(i, row, truth)), said
        assert sum(word in said.verdict for word in NAMED[locale][row.stage]) == 1
        level = 3 if row.stage is Stage.NEW else STAGES.index(row.stage)
        is_said = {
            aside: text(locale, f"rhythm.say_{aside}") in said.verdict
            for aside in ("kept", "held", "waits")
        }
        is_so = row.stage is not Stage.NEW
        assert (is_said["kept"] or is_said["held"]) == (is_so and level > strict[i])
        assert is_said["waits"] == (is_so and level < strict[i])
        is_fresh = row.since > NOW - dt.timedelta(28)
        assert is_said["held"] <= is_fresh
        seen |= set(is_said.items())
    assert {row.stage for row in rows} == set(NAMED["en"])
    assert len(seen) == 6


def _levels(truth: dict[str, np.ndarray]) -> np.ndarray:
    p = truth["p"]
    level = np.where(p >= USUAL.lapsing, 2, 1)
    level = np.where((p >= USUAL.active) | truth["newcomer"], 3, level)
    return np.where((p >= USUAL.loyal_enter) & (truth["x"] >= USUAL.loyal_repeats), 4, level)


def _expected(i: int, row: StageRow, truth: dict[str, np.ndarray]) -> list[int]:
    """The numbers that the own facts and the model's view have to name, and no other."""
    quiet, opened = int(truth["quiet"][i]), int(truth["quiet_open"][i])
    numbers = [int(truth["x"][i]) + 1, int(truth["gap"][i])] if truth["x"][i] else []
    numbers += [quiet] if quiet else []
    numbers += [opened] if opened != quiet else []
    if row.stage is Stage.NEW:
        return numbers
    if quiet:
        numbers += _of_hundred(int(truth["silence"][i]), most=0)
    return [*numbers, *_of_hundred(round(100 * truth["p"][i]), most=0), int(truth["within"][i])]


def _of_hundred(n: int, most: int) -> list[int]:
    """As said: "n in 100", "fewer than 1 in 100", or "nearly all"."""
    return [n, 100] if 1 <= n <= 99 else [1, 100] if n < 1 else []


def test_one_timers_and_small_shops_are_told_too_early() -> None:
    show = Display("en", "UTC", NOW)
    _, rows = _lives()
    newcomer = next(row for row in rows if row.stage is Stage.NEW)
    said = say(sentence(explain(newcomer, MODEL, TODAY)), show)
    assert said.model == ""
    assert said.verdict.startswith("Too early to tell: new")
    unknown = next(row for row in rows if row.repeats > 3)
    unknown = StageRow(**{**_fields(unknown), "stage": Stage.UNKNOWN, "model_version": None})
    for repeaters, days, words in [
        (28, 400, "2 more customers have to come back."),
        (30, 89, "1 more day has to pass."),
        (0, 0, "30 more customers have to come back, and 90 more days have to pass."),
    ]:
        missing = Shortage(repeaters=repeaters, days=days)
        said = say(sentence(explain(unknown, None, TODAY), missing), show)
        assert (said.model, said.verdict) == ("", f"Too early to tell: {words}")
        assert said.own


def test_since_when_is_said_as_people_say_it() -> None:
    show = Display("en", "UTC", NOW)
    _, rows = _lives()
    lapsing = next(
        row
        for row in rows
        if row.stage is Stage.LAPSING and TODAY - row.last_day > dt.timedelta(200)
    )
    for days, words in [(0, "since today"), (1, "since Tuesday"), (30, "since 9 Feb 2026")]:
        row = StageRow(**{**_fields(lapsing), "since": NOW - dt.timedelta(days)})
        said = say(sentence(explain(row, MODEL, TODAY)), show)
        assert f"quieter than usual, {words}." in said.verdict


def _fields(row: StageRow) -> dict[str, object]:
    return {name: getattr(row, name) for name in row.__struct_fields__}

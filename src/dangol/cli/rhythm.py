"""`dangol rhythm`: learn, apply and check rhythm models on any files of orders, without a server."""

import csv
import datetime as dt
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dangol.cli.rhythm_words import backtest_words, fit_words, shortage_words
from dangol.errors import InputError

if TYPE_CHECKING:
    from dangol.know.rhythm.calendar import OpenDays
    from dangol.know.rhythm.fit import Fit
    from dangol.know.rhythm.history import Histories
    from dangol.know.rhythm.model import RhythmModel
    from dangol.know.rhythm.orderlog import OrderLog

_rhythm = typer.Typer(help="Everyone's own rhythm, from files of orders.", no_args_is_help=True)

_Files = Annotated[
    list[Path],
    typer.Argument(help="Who ordered when, perhaps for how much: CSV, JSON lines or Parquet."),
]
_Map = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        help="COLUMN=FIELD where a column is not understood by its name, may be given again; FIELD "
        "is user_id, email, time, revenue, event (or event:Lesson to count only those), or -.",
    ),
]
_Until = Annotated[str | None, typer.Option(help="Last day to look at, such as 1997-09-30.")]
_Model = Annotated[str, typer.Option(help="mbg (default) or bg.")]
_Closed = Annotated[
    list[str] | None,
    typer.Option(
        help="Days that do not count: sun, 2026-08-01, 2026-08-01..2026-08-05 or KR:Chuseok; "
        "may be given again."
    ),
]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_YEAR = 365


def register(app: typer.Typer) -> None:
    """Add the group to `app`."""
    app.add_typer(_rhythm, name="rhythm")


@dataclass(frozen=True)
class _Read:
    """Files as they were asked for."""

    log: "OrderLog"
    day: dt.date
    calendar: "OpenDays"
    customers: list[str]
    rows: "Histories"


@_rhythm.command()
def fit(
    files: _Files,
    until: _Until = None,
    model: _Model = "mbg",
    closed: _Closed = None,
    mapping: _Map = None,
    as_json: _Json = False,
) -> None:
    """Learn the four numbers of a model and print them with their standard errors."""
    read = _read((files, mapping), until, closed)
    found = _fit(read, model)
    facts = _fit_facts(read, found)
    print(json.dumps(facts) if as_json else fit_words(facts))
    _say_shortage(read)
    _warn(read.log, found)


@_rhythm.command()
def score(
    files: _Files,
    until: _Until = None,
    model: _Model = "mbg",
    closed: _Closed = None,
    mapping: _Map = None,
    as_json: _Json = False,
) -> None:
    """Print each customer's stage and what it comes from, as CSV or JSON."""
    read = _read((files, mapping), until, closed)
    if _say_shortage(read):
        rows = [{"customer_id": one, "stage": "unknown"} for one in read.customers]
    else:
        found = _fit(read, model)
        rows = _score(read, found)
        _warn(read.log, found)
    if as_json:
        print(json.dumps(rows))
        return
    out = csv.DictWriter(sys.stdout, list(rows[0]), lineterminator="\n")
    out.writeheader()
    out.writerows(rows)


@_rhythm.command()
def backtest(
    files: _Files,
    days: Annotated[int, typer.Option(min=1, max=730, help="Who orders within so many days?")] = 30,
    cut: Annotated[
        list[str] | None, typer.Option(help="Day to forecast from; may be given again.")
    ] = None,
    closed: _Closed = None,
    mapping: _Map = None,
    as_json: _Json = False,
) -> None:
    """Compare the rhythm with fixed 30/60/90-day rules, each forecasting what came afterwards."""
    import msgspec

    from dangol.know.rhythm.backtest import compare

    read = _read((files, mapping), None, closed)
    cuts = [_day(text, "--cut") for text in cut or ()]
    found = compare(read.log, days, cuts or None, read.calendar)
    if as_json:
        told = msgspec.to_builtins(found) | {"is_rule_as_good": found.is_rule_as_good}
        print(json.dumps(told))
    else:
        print(backtest_words(found))
    _warn(read.log, None)


def _say_shortage(read: _Read) -> bool:
    """Say what is missing before anything may be believed; whether anything is."""
    missing = shortage_words(read.rows.repeaters, (read.day - read.log.first).days)
    if missing:
        print(f"dangol: {missing}", file=sys.stderr)
    return bool(missing)


def _score(read: _Read, found: "Fit") -> list[dict[str, object]]:
    from dangol.know.rhythm.forecast import expected_orders
    from dangol.know.rhythm.score import score as score_all

    rows = read.rows
    seen = score_all(found.params, found.kind, rows)
    ahead = read.calendar.between(read.day, read.day + dt.timedelta(_YEAR))
    orders = expected_orders(found.params, found.kind, rows, ahead)
    columns = {
        "p": seen.p,
        "horizon_days": seen.horizon_days,
        "gap_days": seen.gap_days,
        "expected_orders_365": orders,
    }
    if (worth := _worth(read)) is not None:
        columns["expected_spend_365"] = orders * worth
    stages = _stages(read, found)
    return [
        {
            "customer_id": customer,
            "stage": stages[i],
            "repeats": int(rows.repeats[i]),
            "quiet_days": int(rows.age[i] - rows.last[i]),
        }
        | {name: round(float(column[i]), 4) for name, column in columns.items()}
        for i, customer in enumerate(read.customers)
    ]


def _worth(read: _Read) -> object:
    """What the next order of each is worth; None without amounts, or where they cannot tell."""
    from dangol.know.rhythm.model import Spend
    from dangol.know.rhythm.spend import amounts, expected_amount, fit_spend

    if read.log.amount is None:
        return None
    paid = amounts(*read.log.spent(read.day))
    found = fit_spend(paid, "")
    return expected_amount(found, paid) if isinstance(found, Spend) else None


def _stages(read: _Read, found: "Fit") -> list[str]:
    import numpy as np

    from dangol.know.rhythm.stage import STAGES, restage

    nobody = np.zeros(len(read.rows), np.int8)
    staged = restage(_as_model(read, found), read.rows, nobody, nobody.astype(bool))
    return [STAGES[code].value for code in staged.codes]


def _as_model(read: _Read, found: "Fit") -> "RhythmModel":
    from msgspec.structs import replace

    from dangol.know.rhythm.fit import as_model
    from dangol.know.rhythm.stage import choose_thresholds

    model = as_model(found, read.day, dt.datetime.combine(read.day, dt.time(), dt.UTC))
    return replace(model, thresholds=choose_thresholds(read.rows), calendar=read.calendar)


def _read(
    asked: tuple[list[Path], list[str] | None], until: str | None, closed: list[str] | None
) -> _Read:
    from dangol.cli.import_ import read_pairs
    from dangol.cli.rhythm_files import read_orders
    from dangol.know.rhythm.opening import resolve

    files, mapping = asked
    opening = _opening(closed or [])
    log = read_orders(files, dt.datetime.now(dt.UTC), read_pairs(mapping or []))
    names = ", ".join(file.name for file in files)
    if not len(log.day):
        _warn(log, None)
        raise InputError("{names} has no order that can be read.", names=names)
    day = _day(until, "--until") if until else log.last
    ahead = max(day, log.last) + dt.timedelta(3 * _YEAR)
    calendar = resolve(opening, log.first, ahead)
    customers, rows = log.histories(day, calendar)
    if not customers:
        raise InputError(
            "{names} has no order up to {day}; choose a later --until.", names=names, day=day
        )
    return _Read(log, day, calendar, customers, rows)


def _fit(read: _Read, model: str) -> "Fit":
    from dangol.know.rhythm.fit import fit as fit_model
    from dangol.know.rhythm.model import ModelKind

    if model not in list(ModelKind):
        raise typer.BadParameter("takes mbg or bg", param_hint="--model")
    return fit_model(read.rows, ModelKind(model))


def _opening(closed: list[str]) -> object:
    from dangol.know.rhythm.opening import Closure, Opening, check_opening

    weekly, closures, country, holidays = [], [], "", []
    for text in closed:
        since, _, until = text.partition("..")
        if text.lower()[:3] in _WEEK and text.isalpha():
            weekly.append(_WEEK.index(text.lower()[:3]) + 1)
        elif ":" in text:
            code, _, name = text.partition(":")
            if country and code.upper() != country:
                raise typer.BadParameter("takes holidays of one country", param_hint="--closed")
            country = code.upper()
            holidays.append(_holiday(country, name))
        else:
            first = _day(since, "--closed")
            closures.append(Closure(since=first, until=_day(until, "--closed") if until else first))
    opening = Opening(
        weekly=tuple(weekly), closures=tuple(closures), country=country, holidays=tuple(holidays)
    )
    check_opening(opening)
    return opening


def _holiday(country: str, name: str) -> str:
    from dangol.know.rhythm.opening import list_holidays

    known = {one.name.lower(): one.name for one in list_holidays(country, dt.date.today().year)}
    if name.lower() not in known:
        names = ", ".join(known.values()) or "no country of that code"
        raise typer.BadParameter(f"knows of {country}: {names}", param_hint="--closed")
    return known[name.lower()]


def _day(text: str, option: str) -> dt.date:
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        day = dt.date.max
    if not 1900 <= day.year < 2200:
        raise typer.BadParameter("takes a day such as 1997-09-30", param_hint=option)
    return day


def _fit_facts(read: _Read, found: "Fit") -> dict[str, object]:
    names = ("r", "alpha", "a", "b")
    return {
        "model": found.kind.value,
        "until": read.day.isoformat(),
        "unit": "week",
        "params": {name: getattr(found.params, name) for name in names},
        "standard_errors": found.errors and {name: getattr(found.errors, name) for name in names},
        "log_likelihood": found.log_likelihood,
        "customers": found.customers,
        "repeaters": found.repeaters,
        "is_dropout_identified": found.is_dropout_identified,
        "spend": _spend_facts(read),
        "rows_left_out": read.log.left_out,
    }


def _spend_facts(read: _Read) -> dict[str, object] | None:
    import msgspec

    from dangol.know.rhythm.model import Spend
    from dangol.know.rhythm.spend import amounts, fit_spend

    if read.log.amount is None:
        return None
    found = fit_spend(amounts(*read.log.spent(read.day)), "")
    return msgspec.to_builtins(found) if isinstance(found, Spend) else {"problem": found.value}


def _warn(log: "OrderLog", found: "Fit | None") -> None:
    if log.example:
        rows = "1 row was" if log.left_out == 1 else f"{log.left_out:,} rows were"
        value, why = log.example
        print(f"dangol: {rows} left out, for example {value[:80]!r}: {why}", file=sys.stderr)
    if found is not None and not found.is_dropout_identified:
        print(
            "dangol: nobody visibly leaves in this file, so what the model says about leaving "
            "is a guess; use a longer file.",
            file=sys.stderr,
        )

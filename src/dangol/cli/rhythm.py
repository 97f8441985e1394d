"""`dangol rhythm`: learn and apply rhythm models on any file of orders, without a server."""

import csv
import datetime as dt
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dangol.errors import InputError

if TYPE_CHECKING:
    from dangol.know.rhythm.fit import Fit
    from dangol.know.rhythm.orderlog import OrderLog

_rhythm = typer.Typer(help="Everyone's own rhythm, from a file of orders.", no_args_is_help=True)

_File = Annotated[Path, typer.Argument(help="CSV with the columns customer_id and date.")]
_Until = Annotated[str | None, typer.Option(help="Last day to look at, such as 1997-09-30.")]
_Model = Annotated[str, typer.Option(help="mbg (default) or bg.")]


def register(app: typer.Typer) -> None:
    """Add the group to `app`."""
    app.add_typer(_rhythm, name="rhythm")


@_rhythm.command()
def fit(
    file: _File,
    until: _Until = None,
    model: _Model = "mbg",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Learn the four numbers of a model and print them with their standard errors."""
    log, day, found = _fit(file, until, model)
    print(json.dumps(_fit_facts(found, day, log)) if as_json else _fit_words(found, day))
    _warn(log, found)


@_rhythm.command()
def score(file: _File, until: _Until = None, model: _Model = "mbg") -> None:
    """Print each customer's stage and what it comes from, as CSV."""
    from dangol.know.rhythm.score import score as score_all

    log, day, found = _fit(file, until, model)
    customers, rows = log.histories(day)
    seen = score_all(found.params, found.kind, rows)
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(["customer_id", "stage", "repeats", "quiet_days", "gap_days", "horizon_days", "p"])
    stages = _stages(found, day, rows)
    for i, customer in enumerate(customers):
        quiet = rows.age[i] - rows.last[i]
        numbers = (f"{column[i]:.4f}" for column in (seen.gap_days, seen.horizon_days, seen.p))
        out.writerow([customer, stages[i], rows.repeats[i], quiet, *numbers])
    _warn(log, found)


def _stages(found: "Fit", day: dt.date, rows: object) -> list[str]:
    import numpy as np

    from dangol.know.rhythm.minimum import find_shortage
    from dangol.know.rhythm.model import RhythmModel
    from dangol.know.rhythm.stage import STAGES, choose_thresholds, restage

    model = RhythmModel(
        version=0,
        kind=found.kind,
        params=found.params,
        fitted_at=dt.datetime.combine(day, dt.time(), dt.UTC),
        as_of=day,
        customers=found.customers,
        repeaters=found.repeaters,
        log_likelihood=found.log_likelihood,
        thresholds=choose_thresholds(rows),
    )
    nobody = np.zeros(len(rows), np.int8)
    is_enough = find_shortage(rows.repeaters, int(rows.age.max())) is None
    staged = restage(model if is_enough else None, rows, nobody, nobody.astype(bool))
    return [STAGES[code].value for code in staged.codes]


def _fit(file: Path, until: str | None, model: str) -> tuple["OrderLog", dt.date, "Fit"]:
    from dangol.know.rhythm.fit import fit as fit_model
    from dangol.know.rhythm.model import ModelKind
    from dangol.know.rhythm.orderlog import read_orders

    if model not in list(ModelKind):
        raise typer.BadParameter("takes mbg or bg", param_hint="--model")
    log = read_orders(file)
    if not len(log.day):
        raise InputError(f"{file} has no order that can be read.")
    day = _day(until) if until else dt.date(1970, 1, 1) + dt.timedelta(days=int(log.day.max()))
    customers, rows = log.histories(day)
    if not customers:
        raise InputError(f"{file} has no order up to {day}; choose a later --until.")
    return log, day, fit_model(rows, ModelKind(model))


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("takes a day such as 1997-09-30", param_hint="--until") from None


def _fit_facts(found: "Fit", day: dt.date, log: "OrderLog") -> dict[str, object]:
    names = ("r", "alpha", "a", "b")
    return {
        "model": found.kind.value,
        "until": day.isoformat(),
        "unit": "week",
        "params": {name: getattr(found.params, name) for name in names},
        "standard_errors": found.errors and {name: getattr(found.errors, name) for name in names},
        "log_likelihood": found.log_likelihood,
        "customers": found.customers,
        "repeaters": found.repeaters,
        "is_dropout_identified": found.is_dropout_identified,
        "unreadable_rows": log.unreadable,
    }


def _fit_words(found: "Fit", day: dt.date) -> str:
    lines = [
        f"{found.kind.value.upper()}/NBD until {day}, time in weeks",
        f"{found.customers:,} customers, {found.repeaters:,} of them came back",
    ]
    for name in ("r", "alpha", "a", "b"):
        error = f" ± {getattr(found.errors, name):.4f}" if found.errors else ""
        lines.append(f"  {name:<6}{getattr(found.params, name):.6f}{error}")
    return "\n".join([*lines, f"log-likelihood {found.log_likelihood:.4f}"])


def _warn(log: "OrderLog", found: "Fit") -> None:
    if log.unreadable:
        print(
            f"dangol: {log.unreadable:,} rows could not be read and were left out, "
            f"for example {log.example!r}; dates are written 1997-09-30.",
            file=sys.stderr,
        )
    if not found.is_dropout_identified:
        print(
            "dangol: nobody visibly leaves in this file, so what the model says about leaving "
            "is a guess; use a longer file.",
            file=sys.stderr,
        )

"""Relationship days of one batch: `heard` in, `relationship_day` counted up."""

import datetime as dt
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

import psycopg

from dangol.model.money import exponent_of
from dangol.model.zone import list_offsets
from dangol.store.brand import Brand, read_setting
from dangol.store.sql import load_queries

SQL = load_queries(__package__)


class Rate(NamedTuple):
    """What one unit of `currency` is worth in units of the brand's, from one day until another."""

    currency: str
    since: dt.date
    until: dt.date
    """Exclusive."""
    rate: Decimal


class Rates(NamedTuple):
    """The brand's currency and all dated rates into it, its own (1) included."""

    currency: str
    rates: tuple[Rate, ...]


def read_rates(conn: psycopg.Connection, currency: str) -> Rates:
    """The rate table that the owner entered (setting `rates`), for a brand in `currency`.

    A rate holds from its date until the next one of the same currency. Entries that make no
    sense are left out: amounts in their currency are then counted as unrated.
    """
    entries = (read_setting(conn, "rates") or {}).get("rates", [])
    given = sorted(filter(None, map(_entry, entries)))
    rates = [Rate(currency, dt.date.min, dt.date.max, Decimal(1))]
    for place, (code, since, rate) in enumerate(given):
        after = given[place + 1] if place + 1 < len(given) else None
        until = after[1] if after and after[0] == code else dt.date.max
        if code != currency:
            rates.append(Rate(code, since, until, rate))
    return Rates(currency, tuple(rates))


def apply_days(conn: psycopg.Connection, brand: Brand, rates: Rates) -> bool:
    """Count the batch's relationship events into their local days; whether there were any.

    `conn` is in the transaction that staged `heard`, each event in it for the first time.
    """
    span = conn.execute(SQL.find_span, {"event": brand.relationship_event}).fetchone()
    if span[0] is None:
        return False
    offsets = list_offsets(brand.zone, *span)
    starts = [since for since, _ in offsets]
    conn.execute(
        SQL.add_days,
        {
            "event": brand.relationship_event,
            "currency": brand.currency,
            "starts": ["-infinity", *map(str, starts[1:])],
            "ends": [*map(str, starts[1:]), "infinity"],
            "easts": [east for _, east in offsets],
            "currencies": [rate.currency for rate in rates.rates],
            "since_days": [rate.since for rate in rates.rates],
            "until_days": [rate.until for rate in rates.rates],
            "own_minors": [Decimal(10) ** exponent_of(rate.currency) for rate in rates.rates],
            "rates": [_minor_rate(rate, brand.currency) for rate in rates.rates],
        },
    )
    return True


def _minor_rate(rate: Rate, currency: str) -> Decimal:
    """Minor units of the brand's currency per minor unit of the rate's."""
    return rate.rate.scaleb(exponent_of(currency) - exponent_of(rate.currency))


def _entry(entry: Any) -> tuple[str, dt.date, Decimal] | None:
    try:
        rate = Decimal(str(entry["rate"]))
        since = dt.date.fromisoformat(entry["from"])
        code = str(entry["currency"])
    except (KeyError, TypeError, ValueError, InvalidOperation):
        return None
    return (code, since, rate) if rate.is_finite() and rate > 0 and len(code) == 3 else None

"""Who is due when: the instants of the coming hour at which time alone may change an answer."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from dangol.engine.standing.reasons import micros_of
from dangol.engine.standing.runs import Rows
from dangol.know.interest.score import HALF_LIFE_DAYS, ORIGIN
from dangol.know.segment.interest import ROUNDING


class Dues(NamedTuple):
    """Instants, an entry each: at `at` (microseconds) `turn` may change for `customer`."""

    at: np.ndarray
    customer: np.ndarray
    turn: np.ndarray
    """Index into the list of turns that they were made for."""


NONE = Dues(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int16))

_HALF_LIFE = HALF_LIFE_DAYS * 86_400e6
"""Microseconds."""

Turn = tuple[str, int]
"""Name of an event and the age, in microseconds, at which it changes an answer."""


def dues_of(
    rows: Rows, turns: Iterable[Turn], names: Mapping[str, int], after: int, until: int
) -> Dues:
    """What is due later than `after` and not later than `until` because of these events."""
    found = []
    for index, (name, age) in enumerate(turns):
        code = names.get(name)
        if code is None:
            continue
        is_due = (rows.time > after - age) & (rows.time <= until - age) & (rows.name == code)
        places = np.flatnonzero(is_due)
        if len(places):
            found.append(_dues(rows.customer[places], rows.time[places] + age, index))
    return gathered(found)


def since_dues(
    customer: np.ndarray, since: np.ndarray, age: int, index: int, span: tuple[int, int]
) -> Dues:
    """The same for one age of something that began at `since`."""
    at = since + age
    is_due = (at > span[0]) & (at <= span[1])
    return _dues(customer[is_due], at[is_due], index)


def fading_dues(
    customer: np.ndarray, weight: np.ndarray, score: float, index: int, span: tuple[int, int]
) -> Dues:
    """The same for interests of these weights that fall below a score: halved every 90 days."""
    least = score - ROUNDING
    if least <= 0:
        return NONE
    with np.errstate(divide="ignore"):
        halvings = np.log2(weight / least)
    at = (micros_of(ORIGIN) + np.maximum(halvings * _HALF_LIFE, 0) + 2).astype(np.int64)
    is_due = (at > span[0]) & (at <= span[1])
    return _dues(customer[is_due], at[is_due], index)


def gathered(parts: Iterable[Dues]) -> Dues:
    """All of them."""
    kept = [part for part in parts if len(part.at)]
    if not kept:
        return NONE
    return Dues(*(np.concatenate(column) for column in zip(*kept, strict=True)))


def split(dues: Dues, now: int) -> tuple[Dues, Dues]:
    """What is due at `now`, and the rest."""
    is_due = dues.at <= now
    if not is_due.any():
        return NONE, dues
    return _where(dues, is_due), _where(dues, ~is_due)


def _where(dues: Dues, wanted: np.ndarray) -> Dues:
    return Dues(dues.at[wanted], dues.customer[wanted], dues.turn[wanted])


def _dues(customer: np.ndarray, at: np.ndarray, index: int) -> Dues:
    return Dues(at, customer, np.full(len(at), index, np.int16))

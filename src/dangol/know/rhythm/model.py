"""What a fitted rhythm model is: four numbers about all customers, and the lines between stages."""

from datetime import date, datetime
from enum import StrEnum

import msgspec


class ModelKind(StrEnum):
    """Which story is told about leaving."""

    MBG = "mbg"
    """A customer may leave after any order, the first included (Batislam et al. 2007)."""
    BG = "bg"
    """A customer may leave after a repeat order only (Fader, Hardie & Lee 2005)."""


class Params(msgspec.Struct, frozen=True, kw_only=True):
    """Order rates are Gamma(`r`, `alpha`) per week; leaving after an order is Beta(`a`, `b`)."""

    r: float
    alpha: float
    """In weeks."""
    a: float
    b: float


class Thresholds(msgspec.Struct, frozen=True, kw_only=True):
    """Lines on p, the probability of at least one order within the customer's own horizon."""

    active: float = 0.5
    lapsing: float = 0.15
    """Below it: inactive."""
    loyal_enter: float = 0.65
    loyal_stay: float = 0.60
    loyal_repeats: int = 3
    band: float = 0.05
    """How far below its line p must fall before a stage is lost."""


USUAL = Thresholds()
FREQUENT = Thresholds(active=0.8, lapsing=0.4, loyal_enter=0.9, loyal_stay=0.85)
"""For shops where people come more than weekly: their horizon is cut to a week at the least,
which is several of their gaps, so every p is higher."""


class RhythmModel(msgspec.Struct, frozen=True, kw_only=True):
    """One version: what was learned, of whom, when, and the lines that go with it."""

    version: int
    kind: ModelKind
    params: Params
    fitted_at: datetime
    as_of: date
    customers: int
    repeaters: int
    log_likelihood: float
    thresholds: Thresholds = USUAL

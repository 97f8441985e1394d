"""What a fitted rhythm model is: four numbers about all customers, and the lines between stages."""

from datetime import date, datetime
from enum import StrEnum

import msgspec

from dangol.know.rhythm.calendar import ALWAYS, OpenDays
from dangol.know.rhythm.minimum import Shortage
from dangol.know.rhythm.opening import Opening


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
    """In weeks, a week being seven open days."""
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
    since: date | None = None
    """The day from which they hold; they are chosen anew a year later at the earliest, so that
    what a chart shows in between is people who changed, and not lines that moved."""
    slow: "Thresholds | None" = None
    """The lines for whoever's own gap is four weeks or longer; None: the same as for everybody."""


USUAL = Thresholds()
FREQUENT = Thresholds(active=0.8, lapsing=0.4, loyal_enter=0.85, loyal_stay=0.81, slow=USUAL)
"""For shops where people come more than weekly: their horizon is cut to a week at the least,
which is several of their gaps, so every p is higher. Not that of who comes seldom: two of their
gaps lie ahead of them as everywhere, and somebody steady is a regular at their own pace."""


class Spend(msgspec.Struct, frozen=True, kw_only=True):
    """What an order is worth: Gamma(`p`, ν) with ν being Gamma(`q`, `gamma`) over customers."""

    p: float
    q: float
    gamma: float
    """In minor units of `currency`."""
    currency: str
    customers: int
    """Of how many with an order after their first it was learned."""
    correlation: float
    """Between how often somebody orders and for how much; the model takes it to be none."""
    covariance: tuple[tuple[float, ...], ...] | None = None
    """Of the logarithms of p, q and gamma; None where the data do not tell how sure they are."""


class SpendProblem(StrEnum):
    """Why nothing is said about money."""

    TOO_FEW = "too_few"
    """Fewer than 30 customers with an amount after their first order."""
    CORRELATED = "correlated"
    """Who orders more often spends visibly more or less each time: the model would mislead."""
    NO_MEAN = "no_mean"
    """A few orders are worth so much more than the others that an average means nothing."""


class Basis(msgspec.Struct, frozen=True, kw_only=True):
    """What the histories were counted by; when it changes, the model is learned anew."""

    event: str = ""
    """The relationship event."""
    opening: Opening = Opening()


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
    basis: Basis = Basis()
    calendar: OpenDays = ALWAYS
    """The days that do not count, as they were known when this was learned, some years ahead."""
    covariance: tuple[tuple[float, ...], ...] | None = None
    """Of the logarithms of r, alpha, a and b; None where the data do not tell how sure they are."""
    spend: Spend | SpendProblem = SpendProblem.TOO_FEW


class NoModel(msgspec.Struct, frozen=True, kw_only=True):
    """That nothing could be learned, and how much there was to learn from."""

    fitted_at: datetime
    as_of: date
    customers: int
    repeaters: int
    known_since: date | None
    """Day of the first relationship event of all; None where there never was one."""
    basis: Basis = Basis()

    @property
    def shortage(self) -> Shortage:
        """What is missing before somebody's rhythm can be told."""
        days = (self.as_of - self.known_since).days if self.known_since else 0
        return Shortage(repeaters=self.repeaters, days=days)

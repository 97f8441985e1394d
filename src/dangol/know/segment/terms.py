"""The closed sets of words that conditions are written with."""

from enum import StrEnum


class Op(StrEnum):
    """How a trait or a property is compared."""

    EQ = "eq"
    NE = "ne"
    LT = "lt"
    LE = "le"
    GT = "gt"
    GE = "ge"
    CONTAINS = "contains"
    STARTS_WITH = "starts_with"
    ENDS_WITH = "ends_with"
    IN = "in"
    NOT_IN = "not_in"
    """There is a value of that type, and it is none of these."""
    HAS_ANY = "has_any"
    """A list that has at least one of these."""
    HAS_ALL = "has_all"
    """A list that has each of these."""
    EXISTS = "exists"
    """There is a value, of any type, and it is not null."""
    MISSING = "missing"
    """Nothing was ever said, or it was taken back with null."""


class CountOp(StrEnum):
    """How a number of events is compared."""

    EQ = "eq"
    NE = "ne"
    LT = "lt"
    LE = "le"
    GT = "gt"
    GE = "ge"


class ValueType(StrEnum):
    """The types that can be compared; a value of another type never matches."""

    TEXT = "text"
    NUMBER = "number"
    TIME = "time"
    """Text in ISO 8601; without an offset it is the wall clock of the brand's zone."""
    BOOLEAN = "boolean"


class Aspect(StrEnum):
    """What of a value is compared, where it is not the value itself."""

    LENGTH = "length"
    """How many items a list has."""


class Take(StrEnum):
    """What is made of a property of the events that count."""

    SUM = "sum"
    AVERAGE = "average"
    MIN = "min"
    MAX = "max"
    DISTINCT = "distinct"
    """How many different values."""


class Step(StrEnum):
    """Local calendar units of regularity."""

    DAY = "day"
    WEEK = "week"
    """From Monday on."""
    MONTH = "month"


class DateOp(StrEnum):
    """How a day is compared."""

    ON = "on"
    BEFORE = "before"
    AFTER = "after"
    LAST = "last"
    """Today or one of the n − 1 days before."""
    NEXT = "next"
    """Today or one of the n − 1 days after."""


class Direction(StrEnum):
    """Which way a span of days goes from today."""

    NEXT = "next"
    PAST = "past"


class Calendar(StrEnum):
    """Which calendar a birthday is kept by."""

    SOLAR = "solar"
    LUNAR = "lunar"
    """The Korean lunar calendar."""


class Reaction(StrEnum):
    """What somebody did with a message."""

    RECEIVED = "received"
    OPENED = "opened"
    """Machines that fetch pictures do not count."""
    CLICKED = "clicked"
    ANSWERED = "answered"


class Standing(StrEnum):
    """Whether letters about a topic may come."""

    ON = "on"
    OFF = "off"

"""Where a relationship stands."""

from enum import StrEnum


class Stage(StrEnum):
    """The stage of one customer, from that customer's own rhythm."""

    UNKNOWN = "unknown"
    """Too early to tell: too little is known to say anything honest."""
    NEW = "new"
    ACTIVE = "active"
    LOYAL = "loyal"
    LAPSING = "lapsing"
    INACTIVE = "inactive"

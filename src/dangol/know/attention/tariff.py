"""What each kind of event costs or gives, and how little may be left before we keep quiet.

The numbers are a design choice until a firm has 2,000 messages of its own to learn from.
"""

from dangol.model.stage import Stage

COST = {"in_app": 0.5, "survey": 0.5, "push": 1.5, "email": 2.0, "kakao": 2.0, "sms": 4.0}
"""Spent by one message, by channel. Service messages and answers to a question cost nothing."""
REPEATED = 1.5
"""Times the cost when the same letter comes again within `REPEATED_DAYS`."""
REPEATED_DAYS = 15.0

REFUND = {"Message Opened": 0.5, "Message Clicked": 1.0, "Message Replied": 1.0}
"""Share of a message's cost that comes back by what the customer did with it, the best counted;
an opening by a machine gives nothing."""
REFUND_DAYS = 3.0

GAIN = {
    "Page Viewed": 1.0,
    "Screen Viewed": 1.0,
    "Message Replied": 6.0,
    "Product Reviewed": 6.0,
    "Survey Answered": 6.0,
    "Preference Changed": 6.0,
}
"""Given by an act of the customer's own; the relationship event of the shop gives `PURCHASE`."""
PURCHASE = 3.0

FLOOR = {
    Stage.LOYAL: 2.0,
    Stage.ACTIVE: 4.0,
    Stage.NEW: 4.0,
    Stage.UNKNOWN: 4.0,
    Stage.LAPSING: 6.0,
    Stage.INACTIVE: 9.0,
}
"""What must be left after a message: the further away somebody is, the quieter we are."""


def may_send(level: float, stage: Stage, cost: float) -> bool:
    """Whether enough attention is left for a message of this cost.

    >>> may_send(6.0, Stage.LOYAL, 2.0), may_send(6.0, Stage.LAPSING, 2.0)
    (True, False)
    """
    return level >= cost + FLOOR[stage]

"""What each kind of event costs or gives, and how much must be there before we write.

The numbers are a design choice until a firm has 2,000 messages of its own to learn from.
"""

from datetime import timedelta

from dangol.model.stage import Stage

COST = {"in_app": 0.5, "survey": 0.5, "push": 1.5, "email": 2.0, "kakao": 2.0, "sms": 4.0}
"""Spent by one message, by channel. Service messages and answers to a question cost nothing."""

REFUND = {"Message Opened": 0.5, "Message Clicked": 1.0, "Message Replied": 1.0}
"""Share of a message's cost that comes back by what the customer did with it, the best counted;
an opening by a machine gives nothing."""
REFUND_WITHIN = timedelta(days=3)

VISITS = ("Page Viewed", "Screen Viewed")
VISIT = 1.0
VISIT_GAP = timedelta(minutes=30)
"""What is viewed within it after a counted visit belongs to that visit."""
GAIN = {
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
RESTED = 9.5
"""Nobody needs more than this: who was left in peace for three weeks may hear from us once."""


def needed(stage: Stage, cost: float, care: float = 1.0) -> float:
    """How much attention must be there before a message of this cost; `care` scales the floors.

    >>> needed(Stage.LOYAL, 2.0), needed(Stage.LAPSING, 2.0), needed(Stage.INACTIVE, 2.0)
    (4.0, 8.0, 9.5)
    """
    return min(cost + FLOOR[stage] * care, RESTED)

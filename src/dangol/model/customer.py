"""Who a customer is to the engine: a dense number, and the bucket that number lives in."""

from typing import NewType

CustomerId = NewType("CustomerId", int)

BUCKETS = 1024
"""How many buckets there are, for ever: every customer-keyed row stores its bucket."""


def bucket_of(customer_id: int) -> int:
    """The bucket of a customer, 0 to 1023; it never changes.

    >>> bucket_of(CustomerId(2050))
    2
    """
    return customer_id % BUCKETS


def customer_key(customer_id: int) -> dict[str, int]:
    """The parameters by which SQL finds a customer.

    >>> customer_key(1025)
    {'bucket': 1, 'customer_id': 1025}
    """
    return {"bucket": bucket_of(customer_id), "customer_id": customer_id}


def merge_key(loser_id: int, winner_id: int) -> dict[str, int]:
    """The parameters by which SQL finds both sides of a merge.

    >>> merge_key(1025, 2)
    {'loser_bucket': 1, 'loser_id': 1025, 'winner_bucket': 2, 'winner_id': 2}
    """
    return {
        "loser_bucket": bucket_of(loser_id),
        "loser_id": loser_id,
        "winner_bucket": bucket_of(winner_id),
        "winner_id": winner_id,
    }

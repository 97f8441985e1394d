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

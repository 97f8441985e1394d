"""A share of everyone that stays the same: u(of, customer) in [0, 1), from SHA-256.

u is the first 53 bits of SHA-256(of ‖ 0x1F ‖ customer id), divided by 2^53. Other names give
other, independent shares. Comparing the hash as hexadecimal text compares u.
"""

from hashlib import sha256
from math import ceil

from dangol.know.segment.condition import Share

_BITS = 53
_HEX_DIGITS = 16


def unit(of: str, customer_id: int | str) -> float:
    """Where a customer lies between 0 and 1.

    >>> round(unit("global-2026", 1), 12), round(unit("camp-42", "zoë"), 12)
    (0.279799172091, 0.322525664343)
    """
    digest = sha256(f"{of}\x1f{customer_id}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> (64 - _BITS)) / 2**_BITS


def is_in_share(leaf: Share, customer_id: int) -> bool:
    """Whether the customer's u is at or above `from` and below `to`."""
    return leaf.first <= unit(leaf.of, customer_id) < leaf.last


def share_sql(of: str, customer_id: str) -> str:
    """SQL of the digits that stand for u."""
    return f"left(sha256({of}::varchar || chr(31) || {customer_id}::varchar), {_HEX_DIGITS})"


def bounds_of(leaf: Share) -> tuple[str, str | None]:
    """The digits from which on, and those below which, a customer is in; None is no end."""
    low, high = _digits(leaf.first), _digits(leaf.last)
    return low or "", high


def _digits(share: float) -> str | None:
    """The least digits whose u is at or above `share`; None when there are none."""
    least = ceil(share * 2**_BITS) << (64 - _BITS)
    return f"{least:0{_HEX_DIGITS}x}" if least < 2**64 else None

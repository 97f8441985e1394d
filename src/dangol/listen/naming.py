"""What senders call things: events under their older names, and ids that are no ids."""

from dangol.model.event import RESERVED_NAMES

_OLDER_NAMES = {
    "Viewed Product Category": "Product List Viewed",
    "Viewed Product": "Product Viewed",
    "Clicked Product": "Product Clicked",
    "Added Product": "Product Added",
    "Removed Product": "Product Removed",
    "Completed Order": "Order Completed",
    "Viewed Promotion": "Promotion Viewed",
    "Clicked Promotion": "Promotion Clicked",
}
_RESERVED = frozenset(name.lower() for name in RESERVED_NAMES)
_NO_ID = frozenset(
    {
        "",
        "null",
        "undefined",
        "none",
        "nan",
        "[object object]",
        "anonymous",
        "guest",
        "true",
        "false",
    }
)
_SURELY_AN_ID = 20  # characters; shorter ones are looked at closely

LONGEST_NAME = 200
"""Characters of an event's name; it becomes a key of the catalogue."""
LONGEST_ID = 500
"""Characters of an id; it becomes a key of the identity table."""


def current_name(name: str) -> str:
    """The event's name in the present e-commerce vocabulary.

    >>> current_name("Completed Order")
    'Order Completed'
    """
    return _OLDER_NAMES.get(name, name)


def is_reserved(name: str) -> bool:
    """Whether only the engine itself may state this; letter case and blanks don't get around it."""
    return name.strip().lower() in _RESERVED


def read_id(value: object) -> str | None:
    """The id as text, or None where there is none; numbers become text.

    Null, blank text and what broken code sends in place of an id ("undefined") all mean none:
    taken literally they would make one person of all who share them.

    >>> read_id(42), read_id(""), read_id("undefined")
    ('42', None, None)

    Raises:
        ValueError: it is a list or an object, or too long.
    """
    if value is None:
        return None
    text = value if isinstance(value, str) else _digits(value)
    if len(text) > LONGEST_ID:
        raise ValueError(f"must have at most {LONGEST_ID} characters")
    if text.isspace() or (len(text) < _SURELY_AN_ID and text.strip().lower() in _NO_ID):
        return None
    return text


def _digits(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("must be text or a number")
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)

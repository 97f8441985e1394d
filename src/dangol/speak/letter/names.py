"""The names that letters may use, and their values for one reader."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec


class Reader(msgspec.Struct, frozen=True):
    """One person as a letter sees them; `customer_id` 0 is a nameless reader of a preview."""

    customer_id: int
    address: str
    traits: Mapping[str, Any] = {}
    locale: str | None = None
    country: str | None = None
    stage: str | None = None


class Chip(msgspec.Struct, frozen=True):
    """A name as the editor offers it: its key in the word lists, and the Liquid it stands for."""

    key: str
    liquid: str


CHIPS = (
    Chip("chip.name", "{{ customer.name | honorific }}"),
    Chip("chip.first_name", '{{ customer.first_name | default: "" }}'),
    Chip("chip.email", "{{ customer.email }}"),
    Chip("chip.brand", "{{ brand.name }}"),
)

BRAND_NAMES = ("name", "email", "phone", "postal_address", "site_url")
LINK_NAMES = ("unsubscribe", "preferences", "view", "friend")


def full_name(reader: Reader) -> str:
    """The person's name as they gave it; made of its parts only where no whole was given.

    >>> full_name(Reader(1, "", {"first_name": "길동", "last_name": "홍"}, "ko"))
    '홍길동'
    >>> full_name(Reader(1, "", {"firstName": "Ada", "lastName": "Lovelace"}, "en"))
    'Ada Lovelace'
    """
    whole = _text(reader.traits, "name")
    if whole:
        return whole
    first, last = first_name(reader), last_name(reader)
    together = last + first
    if not together.isascii() and any(map(_is_east_asian, together)):
        return together
    return f"{first} {last}".strip()


def _is_east_asian(letter: str) -> bool:
    return "가" <= letter <= "힣" or "一" <= letter <= "鿿"


def first_name(reader: Reader) -> str:
    """The given name, only as it was stated: a whole name is never split."""
    return _text(reader.traits, "first_name") or _text(reader.traits, "firstName")


def last_name(reader: Reader) -> str:
    """The family name, only as it was stated."""
    return _text(reader.traits, "last_name") or _text(reader.traits, "lastName")


BUILT_IN: dict[str, Callable[[Reader], Any]] = {
    "name": full_name,
    "first_name": first_name,
    "last_name": last_name,
    "email": lambda reader: reader.address,
    "locale": lambda reader: reader.locale,
    "country": lambda reader: reader.country,
    "stage": lambda reader: reader.stage,
    "id": lambda reader: reader.customer_id,
}
"""`customer.<name>` that do not come from a trait of the same name."""

TRAITS_OF = {
    "name": ("name", "first_name", "firstName", "last_name", "lastName"),
    "first_name": ("first_name", "firstName"),
    "last_name": ("last_name", "lastName"),
}
"""Which traits the built-in names read."""


def value_of(reader: Reader, name: str) -> Any:
    """The value of `customer.<name>`; None when this person has none."""
    known = BUILT_IN.get(name)
    return known(reader) if known else reader.traits.get(name)


def traits_behind(names: set[str]) -> frozenset[str]:
    """The customer traits to load for these `customer.<name>`; the display name is always among them."""
    wanted = names | {"name"}
    behind = {trait for name in wanted for trait in TRAITS_OF.get(name, ())}
    return frozenset(behind | {name for name in wanted if name not in BUILT_IN})


def _text(traits: Mapping[str, Any], name: str) -> str:
    value = traits.get(name)
    return value.strip() if isinstance(value, str) else ""

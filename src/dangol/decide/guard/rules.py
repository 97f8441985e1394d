"""The guard's rules as data: what the team set, over careful defaults."""

from datetime import time
from typing import Any

import msgspec
import psycopg

from dangol.errors import InputError
from dangol.model.message import MessageKind
from dangol.model.stage import Stage
from dangol.store.brand import read_brand, read_version

CHECKS_VERSION = 2
"""Raised when a check of the guard changes what it refuses."""
_REFUSED_STAGES = {
    MessageKind.WINBACK: frozenset({Stage.NEW, Stage.ACTIVE, Stage.LOYAL}),
    MessageKind.ONBOARDING: frozenset({Stage.LOYAL, Stage.LAPSING, Stage.INACTIVE}),
}


CARES = {"off": 0.0, "gentle": 0.5, "usual": 1.0, "careful": 1.5}
"""What the setting "attention" may say, as `{"care": …}`."""


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What the guard holds every message against.

    Korea's ban on advertising between 21:00 and 08:00 exempts e-mail (Network Act 50(3), Decree
    61(2)); these quiet hours are the brand's own courtesy and can be changed or switched off by
    equal edges.
    """

    per_day: int = 1
    """Marketing messages to one person within 24 hours."""
    per_week: int = 4
    """The same within 7 days."""
    care: float = CARES["usual"]
    """How much attention must be left after a message, as a multiple of the usual; 0 does not ask."""
    quiet_from: time = time(21)
    quiet_until: time = time(8)
    zone: str = "Asia/Seoul"
    """Where nobody knows better."""
    version: str = ""
    """Of the checks, and of the settings "caps", "hours" and "attention" that these rules were read
    from, such as `2.3.2.0`; every decision keeps it."""
    refused_stages: dict[MessageKind, frozenset[Stage]] = msgspec.field(
        default_factory=_REFUSED_STAGES.copy
    )


def parse_rules(caps: Any, hours: Any, zone: str, attention: Any = None) -> Rules:
    """The rules that the settings "caps", "hours" and "attention" say; None means the defaults.

    Raises:
        InputError: a value is no positive number, no time of day, or no word of `CARES`.
    """
    given: dict[str, Any] = {"zone": zone}
    try:
        for name in ("per_day", "per_week"):
            if caps and name in caps:
                given[name] = msgspec.convert(caps[name], int)
        for name, field in (("from", "quiet_from"), ("until", "quiet_until")):
            if hours and name in hours:
                given[field] = time.fromisoformat(hours[name])
    except (ValueError, TypeError, msgspec.ValidationError) as error:
        raise InputError("The caps or quiet hours cannot be used: {error}", error=error) from None
    if attention:
        given["care"] = parse_care(attention.get("care"))
    rules = Rules(**given)
    if rules.per_day < 0 or rules.per_week < 0:
        raise InputError("A cap is 0 (never) or more.")
    return rules


def parse_care(word: Any) -> float:
    """What one of `CARES` means.

    Raises:
        InputError: it is none of them.
    """
    if not isinstance(word, str) or word not in CARES:
        raise InputError("How careful to be is one of: {words}.", words=", ".join(CARES))
    return CARES[word]


def read_rules(conn: psycopg.Connection) -> Rules:
    """The rules as they stand now."""
    caps, caps_version = read_version(conn, "caps")
    hours, hours_version = read_version(conn, "hours")
    attention, attention_version = read_version(conn, "attention")
    rules = parse_rules(caps, hours, read_brand(conn).zone, attention)
    version = f"{CHECKS_VERSION}.{caps_version}.{hours_version}.{attention_version}"
    return msgspec.structs.replace(rules, version=version)

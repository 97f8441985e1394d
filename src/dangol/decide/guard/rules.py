"""The guard's rules as data: what the team set, over careful defaults."""

from datetime import time
from typing import Any

import msgspec
import psycopg

from dangol.errors import InputError
from dangol.model.message import MessageKind
from dangol.model.stage import Stage
from dangol.store.brand import read_brand, read_version

CHECKS_VERSION = 1
"""Raised when a check of the guard changes what it refuses."""
_REFUSED_STAGES = {
    MessageKind.WINBACK: frozenset({Stage.NEW, Stage.ACTIVE, Stage.LOYAL}),
    MessageKind.ONBOARDING: frozenset({Stage.LOYAL, Stage.LAPSING, Stage.INACTIVE}),
}


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
    quiet_from: time = time(21)
    quiet_until: time = time(8)
    zone: str = "Asia/Seoul"
    """Where nobody knows better."""
    version: str = ""
    """Of the checks, and of the settings "caps" and "hours" that these rules were read from, such as
    `1.3.2`; every decision keeps it."""
    refused_stages: dict[MessageKind, frozenset[Stage]] = msgspec.field(
        default_factory=_REFUSED_STAGES.copy
    )


def parse_rules(caps: Any, hours: Any, zone: str) -> Rules:
    """The rules that the settings "caps" and "hours" say; None means the defaults.

    Raises:
        InputError: a value is no positive number, or no time of day.
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
    rules = Rules(**given)
    if rules.per_day < 0 or rules.per_week < 0:
        raise InputError("A cap is 0 (never) or more.")
    return rules


def read_rules(conn: psycopg.Connection) -> Rules:
    """The rules as they stand now."""
    caps, caps_version = read_version(conn, "caps")
    hours, hours_version = read_version(conn, "hours")
    rules = parse_rules(caps, hours, read_brand(conn).zone)
    version = f"{CHECKS_VERSION}.{caps_version}.{hours_version}"
    return msgspec.structs.replace(rules, version=version)

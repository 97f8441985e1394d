"""Consent: a ledger of everything that was ever answered, and what follows from it now."""

from dangol.know.consent.merge import merge_consents
from dangol.know.consent.service import (
    Answer,
    Standing,
    get_standing,
    grant,
    lift_objection,
    lift_suppression,
    list_ledger,
    object_to_marketing,
    pause,
    resume,
    suppress,
    withdraw,
)
from dangol.know.consent.topic import OBJECTION, PAUSE

__all__ = [
    "OBJECTION",
    "PAUSE",
    "Answer",
    "Standing",
    "get_standing",
    "grant",
    "lift_objection",
    "lift_suppression",
    "list_ledger",
    "merge_consents",
    "object_to_marketing",
    "pause",
    "resume",
    "suppress",
    "withdraw",
]

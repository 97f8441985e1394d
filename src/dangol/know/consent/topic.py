"""Topics of the ledger that are about more than one subject of letters."""

OBJECTION = "!objection"
"""Withdrawn: objects to all marketing and to being profiled for it. Granted: lifted again."""

PAUSE = "!pause"
"""Withdrawn: wants nothing until `evidence.until_s` (seconds since 1970). Granted: goes on."""

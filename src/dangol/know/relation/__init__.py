"""Days with a relationship event, and what was spent on them: what every rhythm model reads."""

from dangol.know.relation.days import Rates, apply_days, read_rates

__all__ = ["Rates", "apply_days", "read_rates"]

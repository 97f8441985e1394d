"""May this message go to this person now? An ordered list of named pure checks.

`check_one` answers for one person and stops at the first refusal, `explain_all` runs every check,
`judge` answers for a batch at once with the same result as `check_one` for each of its rows.
"""

from dangol.decide.guard.facts import Occasion, PeopleFacts, PersonFacts
from dangol.decide.guard.judge import Verdicts, check_one, explain_all, judge
from dangol.decide.guard.rules import Rules, read_rules

__all__ = [
    "Occasion",
    "PeopleFacts",
    "PersonFacts",
    "Rules",
    "Verdicts",
    "check_one",
    "explain_all",
    "judge",
    "read_rules",
]

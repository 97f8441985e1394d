"""Segments: who is meant. Parse, check, plan, compile to SQL; an oracle; plain words.

`parse` JSON, `check` it against what has been heard of, `compile` it to DuckDB SQL that yields
(bucket, customer_id). `evaluate` answers the same for one person in plain Python, `words` says it
in a sentence.
"""

from dangol.know.segment.check import Catalogue, check, inline
from dangol.know.segment.compile import compile
from dangol.know.segment.condition import Condition, to_json
from dangol.know.segment.oracle import Happening, Person, evaluate
from dangol.know.segment.parse import parse, parse_json
from dangol.know.segment.problem import ConditionProblem
from dangol.know.segment.words import words

__all__ = [
    "Catalogue",
    "Condition",
    "ConditionProblem",
    "Happening",
    "Person",
    "check",
    "compile",
    "evaluate",
    "inline",
    "parse",
    "parse_json",
    "to_json",
    "words",
]

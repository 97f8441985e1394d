"""Conditions in English words: clauses that follow "customers", joined by and, or."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from dangol.know.segment.condition import (
    All,
    AnyOf,
    Comparison,
    Condition,
    ConsentIs,
    CountOp,
    Did,
    DidNot,
    InSegment,
    Not,
    Op,
    Rolling,
    StageIs,
    TraitIs,
    ValueType,
)

_STAGES = {
    "new": "New",
    "active": "Active",
    "loyal": "Regular",
    "lapsing": "Gone quiet",
    "inactive": "Gone",
    "unknown": "Too early to tell",
}
_ANSWERS = {
    "unknown": "not given",
    "granted": "yes",
    "denied": "no",
    "withdrawn": "taken back",
}
_COMPARE = {
    Op.EQ: "is", Op.LT: "is less than", Op.LE: "is at most", Op.GT: "is more than",
    Op.GE: "is at least", Op.CONTAINS: "contains", Op.STARTS_WITH: "starts with",
    Op.IN: "is one of", Op.NE: "is known and is not",
}  # fmt: skip
_COMPARE_TIME = {
    Op.LT: "is before", Op.LE: "is at or before", Op.GT: "is after", Op.GE: "is at or after",
}  # fmt: skip
_TIMES = {
    CountOp.EQ: "exactly", CountOp.NE: "not exactly", CountOp.LT: "fewer than",
    CountOp.LE: "at most", CountOp.GT: "more than", CountOp.GE: "at least",
}  # fmt: skip


def sentence(condition: Condition, names: Mapping[UUID, str]) -> str:
    """`customers whose … and who …`."""
    if condition == All(of=()):
        return "all customers"
    if condition == AnyOf(of=()):
        return "nobody"
    return f"customers {_clause(condition, names, nested=False)}"


def _clause(condition: Condition, names: Mapping[UUID, str], *, nested: bool = True) -> str:
    match condition:
        case All(of=()):
            return "whoever they are"
        case AnyOf(of=()):
            return "who do not exist"
        case All() | AnyOf():
            word = ", and " if isinstance(condition, All) else ", or "
            inside = word.join(_clause(part, names) for part in condition.of)
            return f"({inside})" if nested and len(condition.of) > 1 else inside
        case Not():
            return f"not those {_clause(condition.of, names)}"
        case TraitIs():
            return f"whose {compare(condition.comparison)}"
        case Did() | DidNot():
            return _history(condition)
        case StageIs():
            stages = [f"“{_STAGES[stage]}”" for stage in condition.stages]
            return f"who are {_either(stages)}"
        case ConsentIs():
            answers = [_ANSWERS[state] for state in condition.states]
            return f"whose consent to {condition.channel} is {_either(answers)}"
        case InSegment():
            return f"who belong to “{names.get(condition.id, str(condition.id))}”"


def compare(test: Comparison) -> str:
    """One comparison, such as `total is at least 5`."""
    if test.op in (Op.EXISTS, Op.MISSING):
        return f"{test.name} is {'' if test.op is Op.EXISTS else 'not '}known"
    verb = _COMPARE[test.op]
    if test.type is ValueType.TIME:
        verb = _COMPARE_TIME.get(test.op, verb)
    if test.type is ValueType.TEXT and test.op in (Op.LT, Op.LE, Op.GT, Op.GE):
        verb = _COMPARE_TIME[test.op] + " (alphabetically)"
    values = test.value if isinstance(test.value, tuple) else (test.value,)
    return f"{test.name} {verb} {_either([show(item, test.type) for item in values])}"


def show(value: object, kind: ValueType | None) -> str:
    """A value as people write it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value if kind is ValueType.TIME else f"“{value}”"
    return f"{value:,.15g}" if isinstance(value, float) else f"{value:,}"


def _history(test: Did | DidNot) -> str:
    window = _window(test.within)
    where = " and ".join(compare(item) for item in test.where)
    which = f" where {where}" if where else ""
    if isinstance(test, DidNot) or (test.times.op is CountOp.EQ and test.times.value == 0):
        return f"who did not do “{test.name}”{window}{which}"
    if test.times.op is CountOp.GE and test.times.value == 1:
        return f"who did “{test.name}”{window}{which}"
    unit = "time" if test.times.value == 1 else "times"
    times = f"{_TIMES[test.times.op]} {test.times.value:,} {unit}"
    return f"who did “{test.name}” {times}{window}{which}"


def _window(within: Rolling | None) -> str:
    if within is None:
        return ""
    return " in the last 24 hours" if within.days == 1 else f" in the last {within.days:,} days"


def _either(items: Sequence[str]) -> str:
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} or {items[-1]}"

"""Comparisons in English, and how names, values and lists are written."""

from collections.abc import Sequence

from dangol.know.segment.condition import Comparison, Name
from dangol.know.segment.terms import Aspect, Op, ValueType
from dangol.know.segment.value import path_of

_COMPARE = {
    Op.EQ: "is", Op.LT: "is less than", Op.LE: "is at most", Op.GT: "is more than",
    Op.GE: "is at least", Op.CONTAINS: "contains", Op.STARTS_WITH: "starts with",
    Op.ENDS_WITH: "ends with", Op.IN: "is one of", Op.NE: "is known and is not",
    Op.NOT_IN: "is known and is none of", Op.HAS_ANY: "includes", Op.HAS_ALL: "includes",
}  # fmt: skip
_COMPARE_TIME = {
    Op.LT: "is before", Op.LE: "is at or before", Op.GT: "is after", Op.GE: "is at or after",
}  # fmt: skip


def compare(test: Comparison) -> str:
    """One comparison, such as `total is at least 5`."""
    name = name_of(test.name)
    if test.op in (Op.EXISTS, Op.MISSING):
        return f"{name} is {'' if test.op is Op.EXISTS else 'not '}known"
    if test.of is Aspect.LENGTH:
        name = f"number of {name}"
    verb = _COMPARE[test.op]
    if test.type is ValueType.TIME:
        verb = _COMPARE_TIME.get(test.op, verb)
    if test.type is ValueType.TEXT and test.op in (Op.LT, Op.LE, Op.GT, Op.GE):
        verb = _COMPARE_TIME[test.op] + " (alphabetically)"
    values = test.value if isinstance(test.value, tuple) else (test.value,)
    word = "and" if test.op is Op.HAS_ALL else "or"
    return f"{name} {verb} {listed([show(item, test.type) for item in values], word)}"


def name_of(name: Name) -> str:
    """A name as people read it."""
    return " › ".join(path_of(name))


def show(value: object, kind: ValueType | None = None) -> str:
    """A value as people write it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value if kind is ValueType.TIME else f"“{value}”"
    return f"{value:,.15g}" if isinstance(value, float) else f"{value:,}"


def listed(items: Sequence[str], word: str = "or") -> str:
    """One or the other, or both."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {word} {items[-1]}"

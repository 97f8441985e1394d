"""Whether a requirement holds for a JSON object, in plain Python."""

import operator
from collections.abc import Callable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from dangol.know.segment import value
from dangol.know.segment.condition import AnyOf, Comparison, Place, Requirement
from dangol.know.segment.place import is_there
from dangol.know.segment.terms import Aspect, Op, ValueType

COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}
_READERS: dict[ValueType, Callable[[object], Any]] = {
    ValueType.TEXT: value.as_text,
    ValueType.NUMBER: value.as_number,
    ValueType.BOOLEAN: value.as_boolean,
}


def holds(test: Requirement, values: Mapping[str, Any], zone: str = "UTC") -> bool:
    """Whether a resolved requirement is true of a JSON object; absent, null and other types are no.

    Raises:
        TypeError: it still names a moment.
    """
    match test:
        case Comparison():
            return _holds_comparison(test, values, zone)
        case Place():
            return is_there(test, values)
        case AnyOf():
            return any(holds(part, values, zone) for part in test.of)
    raise TypeError(f"{type(test).__name__} must be resolved before it is evaluated")


def _holds_comparison(test: Comparison, values: Mapping[str, Any], zone: str) -> bool:
    found = value.dig(values, test.name)
    if test.op in (Op.EXISTS, Op.MISSING):
        return (found is None) == (test.op is Op.MISSING)
    if test.type is ValueType.TIME:
        return _holds_time(test, found, zone)
    assert test.type is not None
    if test.op in (Op.HAS_ANY, Op.HAS_ALL):
        return _holds_list(test, found)
    if test.of is Aspect.LENGTH:
        found = len(found) if isinstance(found, list) else None
    read = _READERS[test.type](found)
    return read is not None and _holds_value(test, read)


def _holds_value(test: Comparison, read: Any) -> bool:
    if isinstance(test.value, tuple):
        is_one = read in {value.readable(item) for item in test.value}
        return is_one == (test.op is Op.IN)
    wanted: Any = value.readable(test.value)
    match test.op:
        case Op.CONTAINS:
            return wanted in read
        case Op.STARTS_WITH:
            return read.startswith(wanted)
        case Op.ENDS_WITH:
            return read.endswith(wanted)
    return COMPARE[test.op](read, wanted)


def _holds_list(test: Comparison, found: object) -> bool:
    assert isinstance(test.value, tuple)
    assert test.type is not None
    if not isinstance(found, list):
        return False
    items = {_READERS[test.type](item) for item in found} - {None}
    wanted = {value.readable(item) for item in test.value}
    return wanted <= items if test.op is Op.HAS_ALL else bool(wanted & items)


def _holds_time(test: Comparison, found: object, zone: str) -> bool:
    read = value.as_time(found)
    clock = value.clock_of(str(test.value), ZoneInfo(zone))
    if read is None or clock is None:
        return False
    micros, is_wall = read
    return COMPARE[test.op](micros, clock.wall if is_wall else clock.utc)

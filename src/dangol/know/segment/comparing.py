"""What a comparison may say: which values an operator takes, and of which type they are."""

from collections.abc import Callable
from zoneinfo import ZoneInfo

import msgspec

from dangol.know.segment.condition import Comparison, Name
from dangol.know.segment.problem import ConditionProblem, ProblemCode
from dangol.know.segment.terms import Aspect, Op, ValueType
from dangol.know.segment.value import as_number, clock_of, fold, is_storable, path_of

MAX_KEYS = 5
"""How far down a name may go."""
MAX_NAME = 255
MAX_IN_SET = 1_000
MAX_TEXT = 1_000

_PARTS_OF_TEXT = {Op.CONTAINS, Op.STARTS_WITH, Op.ENDS_WITH}
_SETS = {Op.IN, Op.NOT_IN, Op.HAS_ANY, Op.HAS_ALL}
_NO_VALUE = {Op.EXISTS, Op.MISSING}
_ORDER = {Op.LT, Op.LE, Op.GT, Op.GE}
_COMPARE = _ORDER | {Op.EQ, Op.NE}
_TYPES: dict[type, ValueType] = {
    str: ValueType.TEXT,
    bool: ValueType.BOOLEAN,
    int: ValueType.NUMBER,
    float: ValueType.NUMBER,
}
_UTC = ZoneInfo("UTC")


def tidy_comparison(given: Comparison, path: str) -> Comparison:
    """`given` with its type; refuses values that its operator cannot take."""
    name = tidy_name(given.name, f"{path}.name")
    if given.op in _NO_VALUE:
        if given.value is not None or given.type is not None or given.of is not None:
            raise bad("`{op}` takes neither a value nor a type.", f"{path}.value", op=given.op)
        return msgspec.structs.replace(given, name=name)
    if given.value is None:
        raise bad("`{op}` needs a value.", f"{path}.value", op=given.op)
    if isinstance(given.value, tuple) != (given.op in _SETS):
        if given.op in _SETS:
            raise bad("`{op}` takes a list of values.", f"{path}.value", op=given.op)
        raise bad("`{op}` takes one value, not a list.", f"{path}.value", op=given.op)
    kind = _type_of(given, path)
    _require_fit(given, kind, path)
    return msgspec.structs.replace(given, name=name, type=kind)


def tidy_name(name: Name, path: str) -> Name:
    """A name that can be looked up; one key stands without a list."""
    keys = path_of(name)
    if not 1 <= len(keys) <= MAX_KEYS:
        raise ConditionProblem(
            ProblemCode.BAD_NAME, "A name goes down 1 to {most} keys.", path, most=MAX_KEYS
        )
    for key in keys:
        if not key.strip() or len(key) > MAX_NAME:
            raise ConditionProblem(ProblemCode.BAD_NAME, "A name has 1 to 255 characters.", path)
        if not is_storable(key):
            raise ConditionProblem(
                ProblemCode.BAD_TEXT, "This name cannot be stored (NUL or half a letter).", path
            )
    return keys[0] if len(keys) == 1 else keys


def _type_of(given: Comparison, path: str) -> ValueType:
    values = given.value if isinstance(given.value, tuple) else (given.value,)
    if len(values) > MAX_IN_SET:
        raise too_large("A set has up to {most:,} values.", f"{path}.value", most=MAX_IN_SET)
    kinds = {_TYPES[type(value)] for value in values}
    if len(kinds) != 1:
        raise bad("A list needs at least one value, all of the same type.", f"{path}.value")
    told = kinds.pop()
    is_time = given.type is ValueType.TIME and told is ValueType.TEXT
    if not is_time and given.type not in (None, told):
        raise bad("The value is no {type}.", f"{path}.value", type=given.type)
    kind = ValueType.TIME if is_time else told
    for value in values:
        if isinstance(value, str) and not is_storable(value):
            raise ConditionProblem(
                ProblemCode.BAD_TEXT, "This text cannot be stored (NUL or half a letter).", path
            )
        _CHECKS[kind](given, value, f"{path}.value")
    return kind


def _require_fit(given: Comparison, kind: ValueType, path: str) -> None:
    op = given.op
    if given.of is Aspect.LENGTH and (kind is not ValueType.NUMBER or op not in _COMPARE):
        raise bad("A length is compared with one number.", f"{path}.of")
    if op in _PARTS_OF_TEXT and kind is not ValueType.TEXT:
        raise bad("`{op}` compares text only.", f"{path}.op", op=op)
    if op in _SETS and kind not in (ValueType.TEXT, ValueType.NUMBER):
        raise bad("`{op}` takes texts or numbers.", f"{path}.value", op=op)
    if op in _ORDER and kind is ValueType.BOOLEAN:
        raise bad("`{op}` has no meaning for true and false.", f"{path}.op", op=op)


def _check_text(given: Comparison, value: object, path: str) -> None:
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise too_large("A text has up to {most:,} characters.", path, most=MAX_TEXT)
    if given.op in _PARTS_OF_TEXT and not fold(value):
        raise bad("`{op}` needs some text to look for.", path, op=given.op)


def _check_number(given: Comparison, value: object, path: str) -> None:
    if as_number(value) is None:
        raise bad("This number is too large to compare with.", path)


def _check_time(given: Comparison, value: object, path: str) -> None:
    if clock_of(str(value), _UTC) is None:
        raise bad("A time looks like 2026-03-01 or 2026-03-01T09:30:00+09:00.", path)


def _check_boolean(given: Comparison, value: object, path: str) -> None:
    """True and false need no check."""


_CHECKS: dict[ValueType, Callable[[Comparison, object, str], None]] = {
    ValueType.TEXT: _check_text,
    ValueType.NUMBER: _check_number,
    ValueType.TIME: _check_time,
    ValueType.BOOLEAN: _check_boolean,
}


def bad(sentence: str, path: str, /, **values: object) -> ConditionProblem:
    """A value that cannot be meant."""
    return ConditionProblem(ProblemCode.BAD_VALUE, sentence, path, **values)


def crossed(sentence: str, path: str, /) -> ConditionProblem:
    """Two values that cannot both be meant."""
    return ConditionProblem(ProblemCode.CROSSED, sentence, path)


def too_large(sentence: str, path: str = "$", /, **values: object) -> ConditionProblem:
    """More than the language takes."""
    return ConditionProblem(ProblemCode.TOO_LARGE, sentence, path, **values)

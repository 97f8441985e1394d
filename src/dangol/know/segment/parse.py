"""JSON in, a typed condition out, or a problem with a path that says where it is."""

from typing import Any

import msgspec

from dangol.know.segment.condition import (
    Comparison,
    Condition,
    Did,
    DidNot,
    Op,
    TraitIs,
    ValueType,
    parts_of,
)
from dangol.know.segment.problem import ConditionProblem, ProblemCode
from dangol.know.segment.value import is_storable

MAX_NESTING = 60
"""How deep JSON may nest before it is looked at; the language itself allows far less."""

_ONLY_TEXT = {Op.CONTAINS, Op.STARTS_WITH}
_NO_VALUE = {Op.EXISTS, Op.MISSING}
_ORDER = {Op.LT, Op.LE, Op.GT, Op.GE}
_TYPES = {str: ValueType.TEXT, bool: ValueType.BOOLEAN, int: ValueType.NUMBER}
_TYPES[float] = ValueType.NUMBER


def parse_json(text: bytes | str) -> Condition:
    """The condition in a JSON text.

    Raises:
        ConditionProblem: it is no JSON, or no condition.
    """
    try:
        return parse(msgspec.json.decode(text))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConditionProblem(
            ProblemCode.INVALID_JSON, "The condition is no JSON: {error}.", error=error
        ) from None


def parse(given: Any) -> Condition:
    """The condition in decoded JSON data, with the type of every comparison filled in.

    Raises:
        ConditionProblem: it is no condition; the path names the place.
    """
    if _nesting(given) > MAX_NESTING:
        raise ConditionProblem(
            ProblemCode.TOO_DEEP,
            "The condition nests more than {most} levels deep.",
            most=MAX_NESTING,
        )
    try:
        condition = msgspec.convert(given, Condition)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `")
        raise ConditionProblem(
            ProblemCode.BAD_SHAPE, "{message}.", path.rstrip("`") or "$", message=message
        ) from None
    return _typed(condition, "$")


def _nesting(given: Any) -> int:
    """How many lists and objects stand around the innermost value; without recursion."""
    depth, layer = 0, [given]
    while layer and depth <= MAX_NESTING:
        inner: list[Any] = []
        for item in layer:
            if isinstance(item, dict):
                inner.extend(item.values())
            elif isinstance(item, list | tuple):
                inner.extend(item)
        depth, layer = depth + 1, inner
    return depth


def _typed(condition: Condition, path: str) -> Condition:
    if isinstance(condition, TraitIs):
        found = _typed_comparison(condition.comparison, path)
        return msgspec.structs.replace(condition, type=found.type, value=found.value)
    if isinstance(condition, Did | DidNot):
        _require_name(condition.name, f"{path}.name")
        where = tuple(
            _typed_comparison(item, f"{path}.where[{index}]")
            for index, item in enumerate(condition.where)
        )
        return msgspec.structs.replace(condition, where=where)
    parts = parts_of(condition)
    if not parts:
        return condition
    if isinstance(condition.of, tuple):
        of = tuple(_typed(part, f"{path}.of[{index}]") for index, part in enumerate(parts))
        return msgspec.structs.replace(condition, of=of)
    return msgspec.structs.replace(condition, of=_typed(parts[0], f"{path}.of"))


def _typed_comparison(given: Comparison, path: str) -> Comparison:
    """`given` with its type; refuses values that its operator cannot take."""
    _require_name(given.name, f"{path}.name")
    if given.op in _NO_VALUE:
        if given.value is not None or given.type is not None:
            raise _bad("`{op}` takes neither a value nor a type.", f"{path}.value", op=given.op)
        return given
    if given.value is None:
        raise _bad("`{op}` needs a value.", f"{path}.value", op=given.op)
    if isinstance(given.value, tuple) != (given.op is Op.IN):
        if given.op is Op.IN:
            raise _bad("`in` takes a list of values.", f"{path}.value")
        raise _bad("`{op}` takes one value, not a list.", f"{path}.value", op=given.op)
    kind = _type_of(given, path)
    _require_fit(given.op, kind, path)
    return msgspec.structs.replace(given, type=kind)


def _type_of(given: Comparison, path: str) -> ValueType:
    values = given.value if isinstance(given.value, tuple) else (given.value,)
    kinds = {_TYPES[type(value)] for value in values}
    if len(kinds) != 1:
        raise _bad("A list needs at least one value, all of the same type.", f"{path}.value")
    told = kinds.pop()
    for value in values:
        if isinstance(value, str) and not is_storable(value):
            raise ConditionProblem(
                ProblemCode.BAD_TEXT, "This text cannot be stored (NUL or half a letter).", path
            )
    if given.type is ValueType.TIME and told is ValueType.TEXT:
        return ValueType.TIME
    if given.type not in (None, told):
        raise _bad("The value is no {type}.", f"{path}.value", type=given.type)
    return told


def _require_fit(op: Op, kind: ValueType, path: str) -> None:
    if op in _ONLY_TEXT and kind is not ValueType.TEXT:
        raise _bad("`{op}` compares text only.", f"{path}.op", op=op)
    if op is Op.IN and kind not in (ValueType.TEXT, ValueType.NUMBER):
        raise _bad("`in` takes texts or numbers.", f"{path}.value")
    if op in _ORDER and kind is ValueType.BOOLEAN:
        raise _bad("`{op}` has no meaning for true and false.", f"{path}.op", op=op)


def _require_name(name: str, path: str) -> None:
    if not name.strip() or len(name) > 255:
        raise ConditionProblem(ProblemCode.BAD_NAME, "A name has 1 to 255 characters.", path)
    if not is_storable(name):
        raise ConditionProblem(
            ProblemCode.BAD_TEXT, "This name cannot be stored (NUL or half a letter).", path
        )


def _bad(sentence: str, path: str, /, **values: object) -> ConditionProblem:
    return ConditionProblem(ProblemCode.BAD_VALUE, sentence, path, **values)

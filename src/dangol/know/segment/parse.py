"""JSON in, a typed condition out, or a problem with a path that says where it is."""

from typing import Any

import msgspec

from dangol.know.segment.condition import (
    Comparison,
    Condition,
    InMoment,
    Place,
    is_node,
    parts_of,
)
from dangol.know.segment.problem import ConditionProblem, ProblemCode
from dangol.know.segment.rules import tidy

MAX_NESTING = 60
"""How deep JSON may nest before it is looked at; the language itself allows far less."""


def parse_json(text: bytes | str) -> Condition:
    """The condition in a JSON text.

    Raises:
        ConditionProblem: it is no JSON, or no condition.
    """
    try:
        return parse(msgspec.json.decode(text))
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise ConditionProblem(
            ProblemCode.INVALID_JSON, "The condition is no JSON: {error}.", error=_said(error)
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
        condition = msgspec.convert(given, Condition, dec_hook=_to_requirement)
    except msgspec.ValidationError as error:
        message, *inside = _said(error).split(" - at `")
        path = "".join(part.rstrip("`").removeprefix("$") for part in reversed(inside))
        raise ConditionProblem(
            ProblemCode.BAD_SHAPE, "{message}.", f"${path}", message=message
        ) from None
    except UnicodeError:
        raise ConditionProblem(
            ProblemCode.BAD_TEXT, "This text cannot be stored (NUL or half a letter)."
        ) from None
    return _tidied(condition, "$")


def _to_requirement(_: type, given: Any) -> Any:
    """What an event has to be like: a comparison has no `kind`, a place and a moment have one."""
    is_leaf = isinstance(given, dict) and "kind" in given
    try:
        return msgspec.convert(given, Place | InMoment if is_leaf else Comparison)
    except msgspec.ValidationError as error:
        raise ValueError(_said(error)) from None  # msgspec adds the path to this one


def _said(error: Exception) -> str:
    """The error's words, without halves of letters that nobody could write down."""
    return str(error).encode("utf-8", "replace").decode()


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


def _tidied(condition: Condition, path: str) -> Condition:
    if not is_node(condition):
        return tidy(condition, path)
    parts = parts_of(condition)
    if isinstance(condition.of, tuple):
        of = tuple(_tidied(part, f"{path}.of[{index}]") for index, part in enumerate(parts))
        return msgspec.structs.replace(condition, of=of)
    return msgspec.structs.replace(condition, of=_tidied(parts[0], f"{path}.of"))

"""May this condition run? Types against what has been heard of, depth, size, other segments."""

from collections.abc import Callable, Iterator, Mapping
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from dangol.know.segment.condition import (
    Comparison,
    Condition,
    ConsentIs,
    Did,
    DidNot,
    InSegment,
    Not,
    Op,
    Rolling,
    StageIs,
    TraitIs,
    ValueType,
    parts_of,
)
from dangol.know.segment.problem import ConditionProblem, ProblemCode
from dangol.know.segment.value import as_number, clock_of, fold

MAX_DEPTH = 10
MAX_LEAVES = 50
MAX_LEAVES_INLINED = 300
MAX_IN_SET = 1_000
MAX_WHERE = 10
MAX_DAYS = 36_525
MAX_TEXT = 1_000
MAX_TIMES = 1_000_000_000


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """What has been heard of, so that a condition can be told what it will never find."""

    events: frozenset[str] = frozenset()
    traits: Mapping[str, frozenset[ValueType]] = {}
    """Trait name to the types it was heard with; other types (lists, objects) are left out."""
    properties: Mapping[tuple[str, str], frozenset[ValueType]] = {}
    """(event name, property name) to types."""
    segments: Mapping[UUID, Condition] = {}
    """What each segment that may be named is defined as."""


class NeverHeard(msgspec.Struct, frozen=True):
    """A name that no event or profile has carried so far: fine, but likely a slip."""

    path: str
    kind: str
    """`event`, `property` or `trait`."""
    name: str


def check(condition: Condition, catalogue: Catalogue) -> list[NeverHeard]:
    """Names that were never heard of, in order; empty when all is known.

    Raises:
        ConditionProblem: too deep, too large, a value that its type cannot have, a type the name
            was never heard with, an unknown segment, or segments that contain each other.
    """
    if _depth(condition) > MAX_DEPTH:
        raise ConditionProblem(
            ProblemCode.TOO_DEEP,
            "Conditions nest up to {most} levels; split it up.",
            most=MAX_DEPTH,
        )
    leaves = list(walk_leaves(condition))
    if len(leaves) > MAX_LEAVES:
        raise _too_large(
            "A condition has up to {most} questions, this one {found}.",
            most=MAX_LEAVES,
            found=len(leaves),
        )
    found = [note for leaf, path in leaves for note in _check_leaf(leaf, path, catalogue)]
    inline(condition, catalogue.segments)
    return found


def inline(condition: Condition, segments: Mapping[UUID, Condition]) -> Condition:
    """`condition` with every segment it names replaced by that segment's definition.

    Raises:
        ConditionProblem: an unknown segment, a cycle, or too many questions altogether.
    """
    budget = [MAX_LEAVES_INLINED]

    def visit(node: Condition, path: str, inside: tuple[UUID, ...]) -> Condition:
        if isinstance(node, InSegment):
            return visit(_definition(node.id, segments, path, inside), path, (*inside, node.id))
        parts = parts_of(node)
        if isinstance(node, Not):
            return Not(of=visit(node.of, f"{path}.of", inside))
        if parts:
            of = (visit(part, f"{path}.of[{i}]", inside) for i, part in enumerate(parts))
            return type(node)(of=tuple(of))
        budget[0] -= 1
        if budget[0] < 0:
            raise _too_large(
                "With the segments it names it has over {most} parts.", most=MAX_LEAVES_INLINED
            )
        return node

    return visit(condition, "$", ())


def walk_leaves(condition: Condition, path: str = "$") -> Iterator[tuple[Condition, str]]:
    """Every leaf with its path in the JSON, in reading order."""
    parts = parts_of(condition)
    if isinstance(condition, Not):
        yield from walk_leaves(condition.of, f"{path}.of")
    elif parts:
        for index, part in enumerate(parts):
            yield from walk_leaves(part, f"{path}.of[{index}]")
    elif not _is_node(condition):
        yield condition, path


def segments_in(condition: Condition) -> frozenset[UUID]:
    """The segments that a condition names itself."""
    return frozenset(leaf.id for leaf, _ in walk_leaves(condition) if isinstance(leaf, InSegment))


def _is_node(condition: Condition) -> bool:
    return not isinstance(condition, TraitIs | Did | DidNot | StageIs | InSegment | ConsentIs)


def _depth(condition: Condition) -> int:
    return 1 + max((_depth(part) for part in parts_of(condition)), default=0)


def _definition(
    wanted: UUID, segments: Mapping[UUID, Condition], path: str, inside: tuple[UUID, ...]
) -> Condition:
    if wanted in inside:
        raise ConditionProblem(
            ProblemCode.CYCLE, "These segments contain each other; take one of them out.", path
        )
    if wanted not in segments:
        raise ConditionProblem(
            ProblemCode.UNKNOWN_SEGMENT,
            "There is no segment {wanted}; choose another.",
            path,
            wanted=wanted,
        )
    return segments[wanted]


def _check_leaf(leaf: Condition, path: str, catalogue: Catalogue) -> Iterator[NeverHeard]:
    if isinstance(leaf, TraitIs):
        known = catalogue.traits.get(leaf.name)
        yield from _check_comparison(leaf.comparison, path, known, "trait")
    elif isinstance(leaf, Did | DidNot):
        yield from _check_event(leaf, path, catalogue)
    elif isinstance(leaf, StageIs) and not leaf.stages:
        raise _bad("Name at least one stage.", f"{path}.in")
    elif isinstance(leaf, ConsentIs) and not leaf.states:
        raise _bad("Name at least one answer.", f"{path}.in")


def _check_event(leaf: Did | DidNot, path: str, catalogue: Catalogue) -> Iterator[NeverHeard]:
    if isinstance(leaf, Did) and not 0 <= leaf.times.value <= MAX_TIMES:
        raise _bad("A count is 0 to {most:,}.", f"{path}.times.value", most=MAX_TIMES)
    if isinstance(leaf.within, Rolling) and not 1 <= leaf.within.days <= MAX_DAYS:
        raise _bad("A window has 1 to {most:,} days.", f"{path}.within.days", most=MAX_DAYS)
    if len(leaf.where) > MAX_WHERE:
        raise _too_large("An event has up to {most} conditions on its properties.", most=MAX_WHERE)
    if leaf.name not in catalogue.events:
        yield NeverHeard(f"{path}.name", "event", leaf.name)
    for index, item in enumerate(leaf.where):
        known = catalogue.properties.get((leaf.name, item.name))
        yield from _check_comparison(item, f"{path}.where[{index}]", known, "property")


def _check_comparison(
    given: Comparison, path: str, known: frozenset[ValueType] | None, kind: str
) -> Iterator[NeverHeard]:
    values = given.value if isinstance(given.value, tuple) else (given.value,)
    if len(values) > MAX_IN_SET:
        raise _too_large("A set has up to {most:,} values.", f"{path}.value", most=MAX_IN_SET)
    if given.type is not None:
        for value in values:
            _CHECKS.get(given.type, _any_value)(given, value, f"{path}.value")
    if known is None:
        yield NeverHeard(f"{path}.name", kind, given.name)
    elif given.type and not _was_heard_as(given.type, known):
        raise ConditionProblem(
            ProblemCode.WRONG_TYPE,
            "“{name}” was heard as {known}, never as {type}; it would match nobody.",
            f"{path}.value",
            name=given.name,
            known=_list(known),
            type=given.type,
        )


def _was_heard_as(kind: ValueType, known: frozenset[ValueType]) -> bool:
    """Times travel as text, so each may be asked for where the other was heard."""
    textual = {ValueType.TEXT, ValueType.TIME}
    return kind in known or (kind in textual and bool(known & textual))


def _list(known: frozenset[ValueType]) -> str:
    return " and ".join(sorted(known)) or "list or object"


def _check_text(given: Comparison, value: object, path: str) -> None:
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise _too_large("A text has up to {most:,} characters.", path, most=MAX_TEXT)
    if given.op in (Op.CONTAINS, Op.STARTS_WITH) and not fold(value):
        raise _bad("`{op}` needs some text to look for.", path, op=given.op)


def _check_number(given: Comparison, value: object, path: str) -> None:
    if as_number(value) is None:
        raise _bad("This number is too large to compare with.", path)


def _check_time(given: Comparison, value: object, path: str) -> None:
    if clock_of(str(value), ZoneInfo("UTC")) is None:
        raise _bad("A time looks like 2026-03-01 or 2026-03-01T09:30:00+09:00.", path)


def _any_value(given: Comparison, value: object, path: str) -> None:
    """True and false need no check."""


_CHECKS: dict[ValueType, Callable[[Comparison, object, str], None]] = {
    ValueType.TEXT: _check_text,
    ValueType.NUMBER: _check_number,
    ValueType.TIME: _check_time,
}


def _bad(sentence: str, path: str, /, **values: object) -> ConditionProblem:
    return ConditionProblem(ProblemCode.BAD_VALUE, sentence, path, **values)


def _too_large(sentence: str, path: str = "$", /, **values: object) -> ConditionProblem:
    return ConditionProblem(ProblemCode.TOO_LARGE, sentence, path, **values)

"""May this condition run? Types against what has been heard of, depth, size, other segments."""

from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

import msgspec

from dangol.know.segment.comparing import too_large
from dangol.know.segment.condition import (
    All,
    AnyOf,
    Comparison,
    Condition,
    EventLeaf,
    First,
    Followed,
    InMoment,
    InSegment,
    Last,
    Not,
    NotFollowed,
    Place,
    Reacted,
    Requirement,
    is_node,
    parts_of,
    requirements_of,
)
from dangol.know.segment.mention import Mention, mentions_of
from dangol.know.segment.message import NO_MESSAGES, Messages, to_history
from dangol.know.segment.problem import ConditionProblem, ProblemCode
from dangol.know.segment.terms import Aspect, Op, ValueType
from dangol.know.segment.value import path_of
from dangol.model.area import Area

MAX_DEPTH = 10
MAX_LEAVES = 50
MAX_LEAVES_INLINED = 300
_ON_LISTS = {Op.HAS_ANY, Op.HAS_ALL, Op.EXISTS, Op.MISSING}


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


class Moment(msgspec.Struct, frozen=True):
    """Something that is on now, as far as conditions look at it."""

    id: UUID
    kind: str
    area: Area


def check(condition: Condition, catalogue: Catalogue) -> list[NeverHeard]:
    """Names that were never heard of, in order; empty when all is known.

    Raises:
        ConditionProblem: too deep, too large, a type the name was never heard with, an unknown
            segment, or segments that contain each other.
    """
    if _depth(condition) > MAX_DEPTH:
        raise ConditionProblem(
            ProblemCode.TOO_DEEP,
            "Conditions nest up to {most} levels; split it up.",
            most=MAX_DEPTH,
        )
    leaves = list(walk_leaves(condition))
    if len(leaves) > MAX_LEAVES:
        raise too_large(
            "A condition has up to {most} questions, this one {found}.",
            most=MAX_LEAVES,
            found=len(leaves),
        )
    found = [
        note
        for leaf, path in leaves
        for mention in mentions_of(leaf)
        for note in _check_mention(mention, path, catalogue)
    ]
    inline(condition, catalogue.segments)
    return found


def inline(
    condition: Condition,
    segments: Mapping[UUID, Condition],
    messages: Messages = NO_MESSAGES,
    moments: Sequence[Moment] = (),
) -> Condition:
    """`condition` with all that it names spelled out, ready to compile or to evaluate.

    A segment becomes its definition, a message the events about it, a moment the places of those
    of `moments`, which are on.

    Raises:
        ConditionProblem: an unknown segment, a cycle, or too many questions altogether.
    """
    budget = [MAX_LEAVES_INLINED]

    def visit(node: Condition, path: str, inside: tuple[UUID, ...]) -> Condition:
        if isinstance(node, InSegment):
            named = _definition(node.id, segments, path, inside)
            if node.on is None:
                return visit(named, path, (*inside, node.id))
        if isinstance(node, Not):
            return Not(of=visit(node.of, f"{path}.of", inside))
        if isinstance(node, All | AnyOf):
            of = (visit(part, f"{path}.of[{i}]", inside) for i, part in enumerate(node.of))
            return type(node)(of=tuple(of))
        budget[0] -= 1
        if budget[0] < 0:
            raise too_large(
                "With the segments it names it has over {most} parts.", most=MAX_LEAVES_INLINED
            )
        return _spelled_out(node, messages, moments)

    return visit(condition, "$", ())


def _spelled_out(leaf: Condition, messages: Messages, moments: Sequence[Moment]) -> Condition:
    if isinstance(leaf, Reacted):
        return to_history(leaf, messages)
    if isinstance(leaf, InMoment):
        return _places(leaf, moments)
    if isinstance(leaf, EventLeaf) and any(isinstance(x, InMoment) for x in requirements_of(leaf)):
        return _with_places(leaf, moments)
    return leaf


def _with_places(leaf: EventLeaf, moments: Sequence[Moment]) -> Condition:
    """The leaf with the places of moments in its requirements."""

    def spelled(requirements: Sequence[Requirement]) -> tuple[Requirement, ...]:
        return tuple(
            _places(item, moments) if isinstance(item, InMoment) else item for item in requirements
        )

    changes: dict = {"where": spelled(leaf.where)}
    if isinstance(leaf, First | Last):
        changes["has"] = spelled(leaf.has)
    elif isinstance(leaf, Followed | NotFollowed):
        then = msgspec.structs.replace(leaf.then, where=spelled(leaf.then.where))
        changes["then"] = then
    return msgspec.structs.replace(leaf, **changes)


def _places(leaf: InMoment, moments: Sequence[Moment]) -> AnyOf:
    return AnyOf(of=tuple(_inside(leaf, moment) for moment in moments if _is_meant(leaf, moment)))


def _is_meant(leaf: InMoment, moment: Moment) -> bool:
    return leaf.id in (None, moment.id) and leaf.kind_of in (None, moment.kind)


def _inside(leaf: InMoment, moment: Moment) -> Place:
    area = moment.area
    is_point = area.circle is not None or area.polygon is not None
    return Place(
        circle=area.circle,
        polygon=area.polygon,
        postcodes=area.postcodes,
        regions=area.regions,
        latitude=leaf.latitude if is_point else None,
        longitude=leaf.longitude if is_point else None,
        postcode=None if is_point else leaf.postcode,
    )


def walk_leaves(condition: Condition, path: str = "$") -> Iterator[tuple[Condition, str]]:
    """Every leaf with its path in the JSON, in reading order."""
    if isinstance(condition, Not):
        yield from walk_leaves(condition.of, f"{path}.of")
    elif is_node(condition):
        for index, part in enumerate(parts_of(condition)):
            yield from walk_leaves(part, f"{path}.of[{index}]")
    else:
        yield condition, path


def names_moments(condition: Condition) -> bool:
    """Whether a moment that begins or ends makes it another condition, apart from segments it names."""
    return any(
        isinstance(each, InMoment)
        for leaf, _ in walk_leaves(condition)
        for each in (leaf, *requirements_of(leaf))
    )


def segments_in(condition: Condition) -> frozenset[UUID]:
    """The segments that a condition names itself."""
    return frozenset(leaf.id for leaf, _ in walk_leaves(condition) if isinstance(leaf, InSegment))


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


def _check_mention(mention: Mention, path: str, catalogue: Catalogue) -> Iterator[NeverHeard]:
    at = f"{path}{mention.at}"
    if mention.name is None:
        assert mention.event is not None
        if mention.event not in catalogue.events:
            yield NeverHeard(f"{at}.name", "event", mention.event)
        return
    heard = [
        _heard(path_of(name)[0], mention, catalogue) for name in (mention.name, *mention.others)
    ]
    if all(types is None for types in heard):
        kind = "trait" if mention.event is None else "property"
        yield NeverHeard(f"{at}{mention.key}", kind, path_of(mention.name)[0])
    elif mention.test is not None and heard[0] is not None:
        _require_heard(mention.test, heard[0], f"{at}.value")


def _heard(top: str, mention: Mention, catalogue: Catalogue) -> frozenset[ValueType] | None:
    """The types with which a trait or property was heard."""
    if mention.event is None:
        return catalogue.traits.get(top)
    return catalogue.properties.get((mention.event, top))


def _require_heard(test: Comparison, known: frozenset[ValueType], path: str) -> None:
    """Refuses a type that the name was never heard with; inside of lists and objects none is known."""
    is_deep = not isinstance(test.name, str) or test.of is Aspect.LENGTH or test.op in _ON_LISTS
    if is_deep or test.type is None or _was_heard_as(test.type, known):
        return
    raise ConditionProblem(
        ProblemCode.WRONG_TYPE,
        "“{name}” was heard as {known}, never as {type}; it would match nobody.",
        path,
        name=test.name,
        known=_list(known),
        type=test.type,
    )


def _was_heard_as(kind: ValueType, known: frozenset[ValueType]) -> bool:
    """Times travel as text, so each may be asked for where the other was heard."""
    textual = {ValueType.TEXT, ValueType.TIME}
    return kind in known or (kind in textual and bool(known & textual))


def _list(known: frozenset[ValueType]) -> str:
    return " and ".join(sorted(known)) or "list or object"

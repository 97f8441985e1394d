"""Conditions in Korean words: clauses before "손님", each conjugated for its place.

A clause is a stem and a predicate; the predicate ends one way before a noun (…인 손님), another
way before "and" (…이고) and before "or" (…이거나).
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
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
from dangol.model.korean import with_particle


class _Ending(NamedTuple):
    """How a predicate ends before a noun, before "and", before "or"."""

    noun: str
    both: str
    either: str


class _Clause(NamedTuple):
    """Something said of a customer, up to its predicate, and the predicate."""

    stem: str
    ending: _Ending

    @property
    def before_noun(self) -> str:
        return self.stem + self.ending.noun


_IS = _Ending("인", "이고", "이거나")
_IS_NOT = _Ending(" 아닌", " 아니고", " 아니거나")
_HAS = _Ending(" 있는", " 있고", " 있거나")
_HAS_NOT = _Ending(" 없는", " 없고", " 없거나")
_LESS = _Ending(" 작은", " 작고", " 작거나")
_MORE = _Ending(" 큰", " 크고", " 크거나")
_EARLIER = _Ending(" 이른", " 이르고", " 이르거나")
_LATER = _Ending(" 늦은", " 늦고", " 늦거나")
_CONTAINS = _Ending(" 들어 있는", " 들어 있고", " 들어 있거나")
_STARTS = _Ending(" 시작하는", " 시작하고", " 시작하거나")

_STAGES = {
    "new": "새 손님",
    "active": "찾아주시는 손님",
    "loyal": "단골",
    "lapsing": "뜸해진 손님",
    "inactive": "떠난 손님",
    "unknown": "아직 판단하기 이른 손님",
}
_ANSWERS = {"unknown": "무응답", "granted": "동의", "denied": "거절", "withdrawn": "철회"}
_CHANNELS = {"email": "이메일"}
_TIMES = {
    CountOp.EQ: "번", CountOp.LT: "번 미만", CountOp.LE: "번 이하", CountOp.GT: "번 초과",
    CountOp.GE: "번 이상",
}  # fmt: skip


def sentence(condition: Condition, names: Mapping[UUID, str]) -> str:
    """`…인 손님`, the whole condition before the noun."""
    if condition == All(of=()):
        return "모든 손님"
    if condition == AnyOf(of=()):
        return "아무도 없음"
    if isinstance(condition, All | AnyOf):
        said = f"{_joined(condition, names)} 손님"
    else:
        said = f"{_clause(condition, names).before_noun} 손님"
    return said.removesuffix("인 손님") if said.endswith("손님인 손님") else said


def _joined(group: All | AnyOf, names: Mapping[UUID, str]) -> str:
    clauses = [_clause(part, names) for part in group.of]
    linked = [
        clause.stem + (clause.ending.both if isinstance(group, All) else clause.ending.either)
        for clause in clauses[:-1]
    ]
    return " ".join([*(f"{text}," for text in linked), clauses[-1].before_noun])


def _clause(condition: Condition, names: Mapping[UUID, str]) -> _Clause:
    match condition:
        case All(of=()):
            return _Clause("누구", _IS)
        case AnyOf(of=()):
            return _Clause("아무도", _IS_NOT)
        case All() | AnyOf():
            return _Clause(f"({_joined(condition, names)} 사람)", _IS)
        case Not():
            inside = _clause(condition.of, names).before_noun
            return _Clause(f"({inside} 사람)이", _IS_NOT)
        case TraitIs():
            return _compare(condition.comparison)
        case Did() | DidNot():
            return _history(condition)
        case StageIs():
            return _Clause(_either([_STAGES[stage] for stage in condition.stages]), _IS)
        case ConsentIs():
            answers = _either([_ANSWERS[state] for state in condition.states])
            return _Clause(f"{_CHANNELS[condition.channel]} 수신 답변이 {answers}", _IS)
        case InSegment():
            name = names.get(condition.id, str(condition.id))
            return _Clause(f"“{name}” 손님 묶음에", _CONTAINS)


def _compare(test: Comparison) -> _Clause:
    if test.op in (Op.EXISTS, Op.MISSING):
        return _Clause(f"{test.name} 값이", _HAS if test.op is Op.EXISTS else _HAS_NOT)
    subject = _subject(test.name)
    values = test.value if isinstance(test.value, tuple) else (test.value,)
    shown = _either([_show(item, test.type) for item in values])
    if test.op is Op.NE:
        known = with_particle(shown, "이/가")
        return _Clause(f"{test.name} 값이 있으면서 {known}", _IS_NOT)
    if test.op is Op.CONTAINS:
        return _Clause(f"{test.name} 안에 {with_particle(shown, '이/가')}", _CONTAINS)
    if test.op is Op.STARTS_WITH:
        return _Clause(f"{subject} {with_particle(shown, '으로/로')}", _STARTS)
    return _ordered(test, subject, shown)


def _subject(name: str) -> str:
    """`name` as what a clause speaks about; a foreign word's particle would be a guess."""
    guessed = with_particle(name, "이/가")
    return f"{name} 값이" if guessed.endswith("이(가)") else guessed


def _ordered(test: Comparison, subject: str, shown: str) -> _Clause:
    stem = f"{subject} {shown}"
    is_amount = test.type is ValueType.NUMBER
    if test.op is Op.LT:
        return _Clause(f"{stem}보다", _LESS if is_amount else _EARLIER)
    if test.op is Op.GT:
        return _Clause(f"{stem}보다", _MORE if is_amount else _LATER)
    if test.op is Op.LE:
        return _Clause(f"{stem} {'이하' if is_amount else '또는 그 이전'}", _IS)
    if test.op is Op.GE:
        return _Clause(f"{stem} {'이상' if is_amount else '또는 그 이후'}", _IS)
    return _Clause(stem, _IS)


def _history(test: Did | DidNot) -> _Clause:
    which = ", ".join(f"{_compare(item).before_noun} 것" for item in test.where)
    record = f"{_window(test.within)}“{test.name}” 기록" + (f"({which})" if which else "")
    if isinstance(test, DidNot) or (test.times.op is CountOp.EQ and test.times.value == 0):
        return _Clause(f"{record}이", _HAS_NOT)
    if test.times.op is CountOp.GE and test.times.value == 1:
        return _Clause(f"{record}이", _HAS)
    if test.times.op is CountOp.NE:
        return _Clause(f"{record}이 {test.times.value:,}번이", _IS_NOT)
    return _Clause(f"{record}이 {test.times.value:,}{_TIMES[test.times.op]}", _IS)


def _window(within: Rolling | None) -> str:
    if within is None:
        return ""
    return "최근 24시간 동안 " if within.days == 1 else f"최근 {within.days:,}일 동안 "


def _show(value: object, kind: ValueType | None) -> str:
    if isinstance(value, bool):
        return "예" if value else "아니요"
    if isinstance(value, str):
        return value if kind is ValueType.TIME else f"“{value}”"
    return f"{value:,.15g}" if isinstance(value, float) else f"{value:,}"


def _either(items: Sequence[str]) -> str:
    return " 또는 ".join(items)

"""Comparisons and windows in Korean, and how predicates end."""

from collections.abc import Sequence
from typing import NamedTuple

from dangol.know.segment.condition import Comparison, Name
from dangol.know.segment.terms import Aspect, CountOp, Op, ValueType
from dangol.know.segment.value import path_of
from dangol.know.segment.window import Duration, Window
from dangol.model.korean import with_particle


class Ending(NamedTuple):
    """How a predicate ends before a noun, before "and", before "or"."""

    noun: str
    both: str
    either: str


class Clause(NamedTuple):
    """Something said of a customer, up to its predicate, and the predicate."""

    stem: str
    ending: Ending

    @property
    def before_noun(self) -> str:
        """`…인`, `…있는`."""
        return self.stem + self.ending.noun


IS = Ending("인", "이고", "이거나")
IS_NOT = Ending(" 아닌", " 아니고", " 아니거나")
HAS = Ending(" 있는", " 있고", " 있거나")
HAS_NOT = Ending(" 없는", " 없고", " 없거나")
EARLIER = Ending(" 이른", " 이르고", " 이르거나")
LATER = Ending(" 늦은", " 늦고", " 늦거나")
_LESS = Ending(" 작은", " 작고", " 작거나")
_MORE = Ending(" 큰", " 크고", " 크거나")
_CONTAINS = Ending(" 들어 있는", " 들어 있고", " 들어 있거나")
_STARTS = Ending(" 시작하는", " 시작하고", " 시작하거나")
_ENDS = Ending(" 끝나는", " 끝나고", " 끝나거나")


def compare(test: Comparison) -> Clause:
    """One comparison, such as `금액이 5,000 이상`."""
    name = name_of(test.name)
    if test.op in (Op.EXISTS, Op.MISSING):
        return Clause(f"{name} 값이", HAS if test.op is Op.EXISTS else HAS_NOT)
    values = test.value if isinstance(test.value, tuple) else (test.value,)
    items = [show(item, test.type) for item in values]
    shown = either(items)
    if test.of is Aspect.LENGTH:
        return amount(CountOp(test.op), f"{name} 개수가", shown)
    match test.op:
        case Op.NE | Op.NOT_IN:
            return Clause(f"{name} 값이 있으면서 {with_particle(shown, '이/가')}", IS_NOT)
        case Op.CONTAINS:
            return is_in(f"{name} 안에 {with_particle(shown, '이/가')}")
        case Op.HAS_ANY:
            return is_in(f"{name} 목록에 {with_particle(shown, '이/가')}")
        case Op.HAS_ALL:
            every = with_particle(", ".join(items), "이/가")
            return is_in(f"{name} 목록에 {every}{' 모두' if len(items) > 1 else ''}")
        case Op.STARTS_WITH:
            return Clause(f"{subject(test.name)} {with_particle(shown, '으로/로')}", _STARTS)
        case Op.ENDS_WITH:
            return Clause(f"{subject(test.name)} {with_particle(shown, '으로/로')}", _ENDS)
    return _ordered(test, subject(test.name), shown)


def amount(op: CountOp, stem: str, shown: str) -> Clause:
    """A number compared with a number."""
    if op is CountOp.NE:
        return Clause(f"{stem} {with_particle(shown, '이/가')}", IS_NOT)
    if op in (CountOp.LT, CountOp.GT):
        return Clause(f"{stem} {shown}보다", _LESS if op is CountOp.LT else _MORE)
    word = {CountOp.LE: " 이하", CountOp.GE: " 이상"}.get(op, "")
    return Clause(f"{stem} {shown}{word}", IS)


def is_in(where: str) -> Clause:
    """`… 들어 있는`."""
    return Clause(where, _CONTAINS)


def subject(name: Name) -> str:
    """`name` as what a clause speaks about; a foreign word's particle would be a guess."""
    shown = name_of(name)
    guessed = with_particle(shown, "이/가")
    return f"{shown} 값이" if guessed.endswith("이(가)") else guessed


def name_of(name: Name) -> str:
    """A name as people read it."""
    return " › ".join(path_of(name))


def show(value: object, kind: ValueType | None = None) -> str:
    """A value as people write it."""
    if isinstance(value, bool):
        return "예" if value else "아니요"
    if isinstance(value, str):
        return value if kind is ValueType.TIME else f"“{value}”"
    return f"{value:,.15g}" if isinstance(value, float) else f"{value:,}"


def either(items: Sequence[str]) -> str:
    """One or the other."""
    return " 또는 ".join(items)


def _ordered(test: Comparison, who: str, shown: str) -> Clause:
    stem = f"{who} {shown}"
    if test.op in (Op.EQ, Op.IN):
        return Clause(stem, IS)
    if test.type is ValueType.NUMBER:
        return amount(CountOp(test.op), who, shown)
    if test.op is Op.LT:
        return Clause(f"{stem}보다", EARLIER)
    if test.op is Op.GT:
        return Clause(f"{stem}보다", LATER)
    return Clause(f"{stem} 또는 그 {'이전' if test.op is Op.LE else '이후'}", IS)


def window(within: Window | None) -> str:
    """When something happened, with a space after it; empty for ever."""
    match within:
        case None:
            return ""
        case Window(hours=int(hours)):
            return f"최근 {long(Duration(hours=hours))} 동안 "
        case Window(days=int(days)):
            return f"최근 {long(Duration(days=days))} 동안 "
        case Window(calendar_days=int(days)):
            return "오늘 " if days == 1 else f"오늘을 포함한 {days:,}일 동안 "
        case Window(calendar_weeks=int(weeks)):
            return "이번 주에 " if weeks == 1 else f"이번 주와 그 앞 {weeks - 1:,}주 동안 "
        case Window(calendar_months=int(months)):
            return "이번 달에 " if months == 1 else f"이번 달과 그 앞 {months - 1:,}개월 동안 "
        case Window(first=None):
            return f"{within.last}까지 "
        case Window(last=None):
            return f"{within.first}부터 "
    return f"{within.first}부터 {within.last}까지 "


def long(duration: Duration) -> str:
    """So many hours or days."""
    if duration.hours is not None:
        return f"{duration.hours:,}시간"
    return "24시간" if duration.days == 1 else f"{duration.days:,}일"

"""Conditions in Korean words: clauses before "손님", each conjugated for its place.

A clause is a stem and a predicate; the predicate ends one way before a noun (…인 손님), another
way before "and" (…이고) and before "or" (…이거나). Comparisons are in `korean_compare`.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import singledispatch
from uuid import UUID

from dangol.know.segment.condition import (
    All,
    Anniversary,
    AnyOf,
    Comparison,
    Condition,
    ConsentIs,
    DateIs,
    Did,
    DidNot,
    EventLeaf,
    First,
    Followed,
    Happens,
    InMoment,
    InSegment,
    Interested,
    Last,
    Measured,
    Not,
    NotFollowed,
    Place,
    Reacted,
    Regularly,
    Relative,
    Requirement,
    Share,
    StageIs,
    Subscribed,
    TimesClause,
    TraitIs,
)
from dangol.know.segment.korean_compare import (
    EARLIER,
    HAS,
    HAS_NOT,
    IS,
    IS_NOT,
    LATER,
    Clause,
    Ending,
    amount,
    compare,
    either,
    is_in,
    long,
    name_of,
    show,
    subject,
    window,
)
from dangol.know.segment.terms import (
    Calendar,
    CountOp,
    DateOp,
    Direction,
    Reaction,
    Standing,
    Step,
    Take,
)
from dangol.model.korean import with_particle

Names = Mapping[UUID, str]

_HAS_BEEN = Ending(" 된", " 되었고", " 되었거나")
_HAS_NOT_BEEN = Ending(" 안 된", " 안 되었고", " 안 되었거나")
_WAS = Ending("이었던", "이었고", "이었거나")
_WAS_IN = Ending(" 들어 있던", " 들어 있었고", " 들어 있었거나")
_TAKES = Ending(" 받는", " 받고", " 받거나")
_TAKES_NOT = Ending(" 받지 않는", " 받지 않고", " 받지 않거나")
_FALLS = Ending(" 드는", " 들고", " 들거나")
_BEGINS = Ending(" 시작하는", " 시작하고", " 시작하거나")

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
_MEASURES = {
    Take.SUM: "합계가", Take.AVERAGE: "평균이", Take.MIN: "최솟값이", Take.MAX: "최댓값이",
    Take.DISTINCT: "가짓수가",
}  # fmt: skip
_STEPS = {
    Step.DAY: ("오늘을", "일"),
    Step.WEEK: ("이번 주를", "주"),
    Step.MONTH: ("이번 달을", "개월"),
}
_REACTIONS = {
    Reaction.RECEIVED: "를 받은", Reaction.OPENED: "를 열어 본",
    Reaction.CLICKED: "의 링크를 누른", Reaction.ANSWERED: "에 답한",
}  # fmt: skip


def sentence(condition: Condition, names: Names) -> str:
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


def _joined(group: All | AnyOf, names: Names) -> str:
    clauses = [_clause(part, names) for part in group.of]
    return _linked(clauses, is_all=isinstance(group, All)).before_noun


def _linked(clauses: Sequence[Clause], *, is_all: bool = True) -> Clause:
    """Clauses one after the other; the last one's predicate is still open."""
    said = [
        clause.stem + (clause.ending.both if is_all else clause.ending.either)
        for clause in clauses[:-1]
    ]
    return Clause(" ".join([*(f"{text}," for text in said), clauses[-1].stem]), clauses[-1].ending)


@singledispatch
def _clause(condition: Condition, names: Names) -> Clause:
    raise TypeError(f"no words for {type(condition).__name__}")


@_clause.register(All | AnyOf)
def _(group: All | AnyOf, names: Names) -> Clause:
    if not group.of:
        return Clause("누구", IS) if isinstance(group, All) else Clause("아무도", IS_NOT)
    return Clause(f"({_joined(group, names)} 사람)", IS)


@_clause.register
def _(condition: Not, names: Names) -> Clause:
    return Clause(f"({_clause(condition.of, names).before_noun} 사람)이", IS_NOT)


# -- the profile ---------------------------------------------------------------------------


@_clause.register
def _(leaf: TraitIs, names: Names) -> Clause:
    return compare(leaf.comparison)


@_clause.register
def _(leaf: DateIs, names: Names) -> Clause:
    who = subject(leaf.name)
    if leaf.op is DateOp.LAST or leaf.op is DateOp.NEXT:
        return _around_today(who, leaf.days or 1, is_next=leaf.op is DateOp.NEXT)
    ending = {DateOp.ON: IS, DateOp.BEFORE: EARLIER, DateOp.AFTER: LATER}[leaf.op]
    return Clause(f"{who} {_day(leaf.day)}{'' if ending is IS else '보다'}", ending)


def _day(day: date | Relative | None) -> str:
    if not isinstance(day, Relative):
        return str(day)
    if day.offset == 0:
        return "오늘"
    return f"{abs(day.offset):,}일 {'뒤' if day.offset > 0 else '전'}"


def _around_today(who: str, days: int, *, is_next: bool) -> Clause:
    if days == 1:
        return Clause(f"{who} 오늘", IS)
    return Clause(f"{who} {'오늘부터' if is_next else '오늘까지'} {days:,}일 안에", HAS)


@_clause.register
def _(leaf: Anniversary, names: Names) -> Clause:
    kind = "음력 기념일" if leaf.calendar is Calendar.LUNAR else "기념일"
    is_next = leaf.direction is Direction.NEXT
    return _around_today(f"{name_of(leaf.name)} {kind}이", leaf.within.days, is_next=is_next)


@_clause.register
def _(leaf: Place, names: Names) -> Clause:
    return _area(leaf)


def _area(leaf: Place) -> Clause:
    if leaf.circle is not None:
        centre = f"{leaf.circle.lat:.6g}, {leaf.circle.lon:.7g}"
        return Clause(f"({centre})에서 {_metres(leaf.circle.radius_m)} 안에", HAS)
    if leaf.polygon is not None:
        return Clause(f"꼭짓점이 {len(leaf.polygon):,}개인 구역 안에", HAS)
    if leaf.postcodes is not None:
        starts = either([f"“{code}”" for code in leaf.postcodes])
        return Clause(f"우편번호가 {with_particle(starts, '으로/로')}", _BEGINS)
    return Clause(f"우편번호 지역이 {either(leaf.regions or ())}", IS)


def _metres(metres: float) -> str:
    return f"{metres / 1_000:,.6g}km" if metres >= 1_000 else f"{metres:,.6g}m"


@_clause.register
def _(leaf: InMoment, names: Names) -> Clause:
    return _going_on(leaf, names)


def _going_on(leaf: InMoment, names: Names) -> Clause:
    if leaf.id is not None:
        return Clause(f"지금 이어지는 “{names.get(leaf.id, str(leaf.id))}” 구역 안에", HAS)
    what = "무슨 일이" if leaf.kind_of is None else with_particle(f"“{leaf.kind_of}”", "이/가")
    return Clause(f"지금 {what} 이어지는 곳에", HAS)


@_clause.register
def _(leaf: Share, names: Names) -> Clause:
    span = f"{leaf.first * 100:.6g}%부터 {leaf.last * 100:.6g}%까지에"
    return Clause(f"“{leaf.of}” 나누기에서 {span}", _FALLS)


# -- the history ---------------------------------------------------------------------------


@_clause.register(Did | DidNot)
def _(leaf: Did | DidNot, names: Names) -> Clause:
    record = f"{window(leaf.within)}{_record(leaf, names)}이"
    if isinstance(leaf, DidNot):
        return Clause(record, HAS_NOT)
    return _often(record, leaf.times)


def _often(record: str, times: TimesClause) -> Clause:
    if times.op is CountOp.EQ and times.value == 0:
        return Clause(record, HAS_NOT)
    if times.op is CountOp.GE and times.value == 1:
        return Clause(record, HAS)
    if times.op is CountOp.NE:
        return Clause(f"{record} {times.value:,}번이", IS_NOT)
    return Clause(f"{record} {times.value:,}{_TIMES[times.op]}", IS)


@_clause.register
def _(leaf: Measured, names: Names) -> Clause:
    record = f"{window(leaf.within)}{_record(leaf, names)}의"
    return amount(
        leaf.op, f"{record} {name_of(leaf.property)} {_MEASURES[leaf.take]}", show(leaf.value)
    )


@_clause.register(First | Last)
def _(leaf: First | Last, names: Names) -> Clause:
    edge = "첫" if isinstance(leaf, First) else "마지막"
    record = f"{edge} {_record(leaf, names)}이"
    clauses = [Clause(f"{record} {window(leaf.within).rstrip()}".rstrip(), HAS)]
    has = [_require(item, names) for item in leaf.has]
    clauses += [Clause(f"그때 {each.stem}", each.ending) for each in has]
    return _linked(clauses)


@_clause.register(Followed | NotFollowed)
def _(leaf: Followed | NotFollowed, names: Names) -> Clause:
    first = f"{window(leaf.within)}{_record(leaf, names)}"
    same = subject(", ".join(map(name_of, leaf.same))) + " 같은 " if leaf.same else ""
    then = f"{same}{_record(leaf.then, names)}이"
    if isinstance(leaf, Followed):
        soon = "에" if leaf.after is None else f" {long(leaf.after)} 안에"
        return Clause(f"{first} 뒤{soon} {then}", HAS)
    soon = "지금까지" if leaf.after is None else f"{long(leaf.after)} 안에"
    return Clause(f"{first}이 있었지만 그 뒤 {soon} {then}", HAS_NOT)


@_clause.register
def _(leaf: Regularly, names: Names) -> Clause:
    this, unit = _STEPS[leaf.step]
    steps = f"{this} 포함한 {leaf.of_last:,}{unit} 가운데 {leaf.at_least:,}{unit} 이상"
    return Clause(f"{steps} {_record(leaf, names)}이", HAS)


@_clause.register
def _(leaf: Reacted, names: Names) -> Clause:
    what = f"{_message(leaf, names)}{_REACTIONS[leaf.did]}"
    return _often(f"{window(leaf.within)}{what} 적이", leaf.times)


def _message(leaf: Reacted, names: Names) -> str:
    """What was sent; it always ends in 편지, so that its particle is known."""
    if leaf.letter is not None:
        return f"“{names.get(leaf.letter, str(leaf.letter))}” 편지"
    if leaf.campaign is not None:
        return f"한 번 보내기 “{names.get(leaf.campaign, str(leaf.campaign))}” 편지"
    return "우리 편지" if leaf.topic is None else f"“{leaf.topic}” 소식 편지"


# -- standing ------------------------------------------------------------------------------


@_clause.register
def _(leaf: StageIs, names: Names) -> Clause:
    stages = either([_STAGES[stage] for stage in leaf.stages])
    clauses = []
    if leaf.at_least is not None:
        clauses.append(Clause(f"{stages}인 지 {long(leaf.at_least)} 이상", _HAS_BEEN))
    if leaf.less_than is not None:
        age = with_particle(long(leaf.less_than), "이/가")
        clauses.append(Clause(f"{stages}인 지 {age}", _HAS_NOT_BEEN))
    clauses = clauses or [Clause(stages, IS)]
    if leaf.previous:
        clauses.append(Clause(f"그 전에는 {either([_STAGES[one] for one in leaf.previous])}", _WAS))
    return _linked(clauses)


@_clause.register
def _(leaf: ConsentIs, names: Names) -> Clause:
    answers = either([_ANSWERS[state] for state in leaf.states])
    return Clause(f"{_channel(leaf.channel)} 수신 답변이 {answers}", IS)


@_clause.register
def _(leaf: Subscribed, names: Names) -> Clause:
    by = with_particle(_channel(leaf.channel), "으로/로")
    ending = _TAKES if leaf.standing is Standing.ON else _TAKES_NOT
    return Clause(f"“{leaf.topic}” 소식을 {by}", ending)


def _channel(channel: str) -> str:
    return _CHANNELS.get(channel, str(channel))


@_clause.register
def _(leaf: InSegment, names: Names) -> Clause:
    name = f"“{names.get(leaf.id, str(leaf.id))}” 손님 묶음에"
    return is_in(name) if leaf.on is None else Clause(f"{leaf.on}에 {name}", _WAS_IN)


@_clause.register
def _(leaf: Interested, names: Names) -> Clause:
    tags = either([f"“{tag}”" for tag in leaf.tags])
    return Clause(f"{tags}에 관심({leaf.at_least:,.6g} 이상)이", HAS)


# -- parts ---------------------------------------------------------------------------------


def _record(asked: EventLeaf | Happens, names: Names) -> str:
    which = ", ".join(f"{_require(item, names).before_noun} 것" for item in asked.where)
    return f"“{asked.name}” 기록" + (f"({which})" if which else "")


def _require(item: Requirement | Condition, names: Names) -> Clause:
    """What one event has to be like, such as `금액이 5,000 이상인` or `위치가 … 안에 있는`."""
    match item:
        case Comparison():
            return compare(item)
        case Place() if item.postcodes is not None or item.regions is not None:
            return _area(item)
        case Place():
            return _lying(_area(item))
        case InMoment():
            return _lying(_going_on(item, names))
        case AnyOf():
            nowhere = Clause("지금 무슨 일이 이어지는 곳에(지금은 없음)", HAS)
            places = [_require(each, names) for each in item.of]
            return _linked(places, is_all=False) if places else _lying(nowhere)
    raise TypeError(f"no words for {type(item).__name__}")


def _lying(where: Clause) -> Clause:
    return Clause(f"위치가 {where.stem}", where.ending)

"""Conditions in English words: clauses that follow "customers", joined by and, or."""

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
    First,
    Followed,
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
from dangol.know.segment.english_compare import compare, listed, name_of, show
from dangol.know.segment.terms import (
    Calendar,
    CountOp,
    DateOp,
    Direction,
    Reaction,
    Standing,
    Take,
)
from dangol.know.segment.window import Duration, Window

Names = Mapping[UUID, str]

_STAGES = {
    "new": "New",
    "active": "Active",
    "loyal": "Regular",
    "lapsing": "Gone quiet",
    "inactive": "Gone",
    "unknown": "Too early to tell",
}
_ANSWERS = {
    "unknown": "not given",
    "granted": "yes",
    "denied": "no",
    "withdrawn": "taken back",
}
_TIMES = {
    CountOp.EQ: "exactly", CountOp.NE: "not exactly", CountOp.LT: "fewer than",
    CountOp.LE: "at most", CountOp.GT: "more than", CountOp.GE: "at least",
}  # fmt: skip
_AMOUNTS = {
    CountOp.EQ: "is", CountOp.NE: "is not", CountOp.LT: "is less than",
    CountOp.LE: "is at most", CountOp.GT: "is more than", CountOp.GE: "is at least",
}  # fmt: skip
_MEASURES = {
    Take.SUM: "sum of", Take.AVERAGE: "average of", Take.MIN: "smallest",
    Take.MAX: "largest", Take.DISTINCT: "number of different",
}  # fmt: skip
_REACTIONS = {
    Reaction.RECEIVED: ("received", "receive"), Reaction.OPENED: ("opened", "open"),
    Reaction.CLICKED: ("clicked a link in", "click a link in"),
    Reaction.ANSWERED: ("answered", "answer"),
}  # fmt: skip


def sentence(condition: Condition, names: Names) -> str:
    """`customers whose … and who …`."""
    if condition == All(of=()):
        return "all customers"
    if condition == AnyOf(of=()):
        return "nobody"
    if isinstance(condition, All | AnyOf):
        return f"customers {_joined(condition, names)}"
    return f"customers {_clause(condition, names)}"


def _require(item: Requirement | Condition, names: Names, whose: str = "") -> str:
    """What one event has to be like, such as `total is at least 5` or `it lay within 2 km of …`."""
    match item:
        case Comparison():
            return f"{whose}{compare(item)}"
        case Place() if item.postcodes is not None or item.regions is not None:
            return f"{whose}{_area(item)}"
        case Place():
            return f"it lay {_area(item)}"
        case InMoment():
            return f"it lay {_going_on(item, names)}"
        case AnyOf():
            return _lying(item.of, names, whose)
    raise TypeError(f"no words for {type(item).__name__}")


def _lying(places: Sequence[Condition], names: Names, whose: str) -> str:
    """A moment in its places, those that are on."""
    if not places:
        return "it lay where something is going on now, which nothing is"
    said = " or ".join(_require(each, names, whose) for each in places)
    return f"({said})" if len(places) > 1 else said


@singledispatch
def _clause(condition: Condition, names: Names) -> str:
    raise TypeError(f"no words for {type(condition).__name__}")


@_clause.register(All | AnyOf)
def _(group: All | AnyOf, names: Names) -> str:
    if not group.of:
        return "whoever they are" if isinstance(group, All) else "who do not exist"
    inside = _joined(group, names)
    return f"({inside})" if len(group.of) > 1 else inside


def _joined(group: All | AnyOf, names: Names) -> str:
    word = ", and " if isinstance(group, All) else ", or "
    return word.join(_clause(part, names) for part in group.of)


@_clause.register
def _(condition: Not, names: Names) -> str:
    return f"not those {_clause(condition.of, names)}"


# -- the profile ---------------------------------------------------------------------------


@_clause.register
def _(leaf: TraitIs, names: Names) -> str:
    return f"whose {compare(leaf.comparison)}"


@_clause.register
def _(leaf: DateIs, names: Names) -> str:
    subject = f"whose {name_of(leaf.name)} is"
    if leaf.op in (DateOp.LAST, DateOp.NEXT):
        if leaf.days == 1:
            return f"{subject} today"
        return f"{subject} within the {leaf.op} {leaf.days:,} days, today included"
    return f"{subject} {leaf.op} {_day(leaf.day)}"


def _day(day: date | Relative | None) -> str:
    if not isinstance(day, Relative):
        return str(day)
    if day.offset == 0:
        return "today"
    number = abs(day.offset)
    unit = "day" if number == 1 else "days"
    return f"the day {number:,} {unit} {'from now' if day.offset > 0 else 'ago'}"


@_clause.register
def _(leaf: Anniversary, names: Names) -> str:
    by = " by the lunar calendar" if leaf.calendar is Calendar.LUNAR else ""
    subject = f"whose anniversary of {name_of(leaf.name)}{by} is"
    if leaf.within.days == 1:
        return f"{subject} today"
    way = "next" if leaf.direction is Direction.NEXT else "last"
    return f"{subject} within the {way} {leaf.within.days:,} days, today included"


@_clause.register
def _(leaf: Place, names: Names) -> str:
    is_point = leaf.circle is not None or leaf.polygon is not None
    return f"{'who are' if is_point else 'whose'} {_area(leaf)}"


def _area(leaf: Place) -> str:
    if leaf.circle is not None:
        centre = f"{leaf.circle.lat:.6g}, {leaf.circle.lon:.7g}"
        return f"within {_metres(leaf.circle.radius_m)} of ({centre})"
    if leaf.polygon is not None:
        return f"inside an area with {len(leaf.polygon):,} corners"
    if leaf.postcodes is not None:
        return f"postcode begins with {_quoted(leaf.postcodes)}"
    return f"postcode lies in {listed(leaf.regions or ())}"


def _metres(metres: float) -> str:
    return f"{metres / 1_000:,.6g} km" if metres >= 1_000 else f"{metres:,.6g} m"


@_clause.register
def _(leaf: InMoment, names: Names) -> str:
    return f"who are {_going_on(leaf, names)}"


def _going_on(leaf: InMoment, names: Names) -> str:
    if leaf.id is not None:
        return f"where “{names.get(leaf.id, str(leaf.id))}” is going on now"
    what = "something" if leaf.kind_of is None else f"“{leaf.kind_of}”"
    return f"where {what} is going on now"


@_clause.register
def _(leaf: Share, names: Names) -> str:
    return f"who fall into {leaf.first * 100:.6g} to {leaf.last * 100:.6g} in 100 of “{leaf.of}”"


# -- the history ---------------------------------------------------------------------------


@_clause.register(Did | DidNot)
def _(leaf: Did | DidNot, names: Names) -> str:
    rest = f"{_window(leaf.within)}{_which(leaf.where, names)}"
    if isinstance(leaf, DidNot) or _is_never(leaf.times):
        return f"who did not do “{leaf.name}”{rest}"
    return f"who did “{leaf.name}”{_times(leaf.times)}{rest}"


def _is_never(times: TimesClause) -> bool:
    return times.op is CountOp.EQ and times.value == 0


def _times(times: TimesClause) -> str:
    if times.op is CountOp.GE and times.value == 1:
        return ""
    return f" {_TIMES[times.op]} {times.value:,} {'time' if times.value == 1 else 'times'}"


@_clause.register
def _(leaf: Measured, names: Names) -> str:
    what = f"{_MEASURES[leaf.take]} {name_of(leaf.property)}"
    rest = f"{_window(leaf.within)}{_which(leaf.where, names)}"
    return f"whose {what} over “{leaf.name}”{rest} {_AMOUNTS[leaf.op]} {show(leaf.value)}"


@_clause.register(First | Last)
def _(leaf: First | Last, names: Names) -> str:
    which = "first" if isinstance(leaf, First) else "last"
    when = _window(leaf.within) or " at any time"
    has = "".join(f" and {_require(item, names, 'its ')}" for item in leaf.has)
    has = f",{has}" if has else ""
    return f"whose {which} “{leaf.name}”{_which(leaf.where, names)} was{when}{has}"


@_clause.register(Followed | NotFollowed)
def _(leaf: Followed | NotFollowed, names: Names) -> str:
    same = listed([name_of(name) for name in leaf.same], "and")
    then = f"“{leaf.then.name}”{f' with the same {same}' if same else ''}"
    then += _which(leaf.then.where, names)
    first = f"“{leaf.name}”{_window(leaf.within)}{_which(leaf.where, names)}"
    if leaf.after is None:
        later = f"later {then}" if isinstance(leaf, Followed) else f"no {then} since"
        return f"who did {first}, and {later}"
    word = "and then" if isinstance(leaf, Followed) else "and no"
    return f"who did {first}, {word} {then} within {_duration(leaf.after)} of it"


@_clause.register
def _(leaf: Regularly, names: Names) -> str:
    steps = (
        f"at least {leaf.at_least:,} of the last {leaf.of_last:,} {leaf.step}s, this one included"
    )
    return f"who did “{leaf.name}”{_which(leaf.where, names)} in {steps}"


@_clause.register
def _(leaf: Reacted, names: Names) -> str:
    did, do = _REACTIONS[leaf.did]
    what = _message(leaf, names)
    if _is_never(leaf.times):
        return f"who did not {do} {what}{_window(leaf.within)}"
    return f"who {did} {what}{_times(leaf.times)}{_window(leaf.within)}"


def _message(leaf: Reacted, names: Names) -> str:
    if leaf.letter is not None:
        return f"the letter “{names.get(leaf.letter, str(leaf.letter))}”"
    if leaf.campaign is not None:
        return f"the campaign “{names.get(leaf.campaign, str(leaf.campaign))}”"
    return "any message" if leaf.topic is None else f"a message about “{leaf.topic}”"


# -- standing ------------------------------------------------------------------------------


@_clause.register
def _(leaf: StageIs, names: Names) -> str:
    said = f"who are {listed([f'“{_STAGES[stage]}”' for stage in leaf.stages])}"
    if leaf.at_least is not None:
        said += f" for at least {_duration(leaf.at_least)}"
    if leaf.less_than is not None:
        also = " and" if leaf.at_least is not None else ""
        said += f"{also} for less than {_duration(leaf.less_than)}"
    if leaf.previous:
        said += f" and were {listed([f'“{_STAGES[stage]}”' for stage in leaf.previous])} before"
    return said


@_clause.register
def _(leaf: ConsentIs, names: Names) -> str:
    answers = [_ANSWERS[state] for state in leaf.states]
    return f"whose consent to {leaf.channel} is {listed(answers)}"


@_clause.register
def _(leaf: Subscribed, names: Names) -> str:
    verb = "take" if leaf.standing is Standing.ON else "do not take"
    return f"who {verb} “{leaf.topic}” by {leaf.channel}"


@_clause.register
def _(leaf: InSegment, names: Names) -> str:
    name = f"“{names.get(leaf.id, str(leaf.id))}”"
    return f"who belong to {name}" if leaf.on is None else f"who belonged to {name} on {leaf.on}"


@_clause.register
def _(leaf: Interested, names: Names) -> str:
    return f"who are interested in {_quoted(leaf.tags)} (at least {leaf.at_least:,.6g})"


# -- parts ---------------------------------------------------------------------------------


def _which(where: Sequence[Requirement], names: Names) -> str:
    said = " and ".join(_require(item, names) for item in where)
    return f" where {said}" if said else ""


def _window(within: Window | None) -> str:
    match within:
        case None:
            return ""
        case Window(hours=int(hours)):
            return f" in the last {_duration(Duration(hours=hours))}"
        case Window(days=int(days)):
            return f" in the last {_duration(Duration(days=days))}"
        case Window(calendar_days=int(days)):
            return " today" if days == 1 else f" in the last {days:,} days, today included"
        case Window(calendar_weeks=int(weeks)):
            return " this week" if weeks == 1 else f" in this week and the {weeks - 1:,} before"
        case Window(calendar_months=int(months)):
            return " this month" if months == 1 else f" in this month and the {months - 1:,} before"
        case Window(first=None):
            return f" until {within.last}"
        case Window(last=None):
            return f" since {within.first}"
    return f" from {within.first} to {within.last}"


def _duration(duration: Duration) -> str:
    if duration.hours is not None:
        return f"{duration.hours:,} hour{'' if duration.hours == 1 else 's'}"
    return "24 hours" if duration.days == 1 else f"{duration.days:,} days"


def _quoted(items: Sequence[str]) -> str:
    return listed([f"“{item}”" for item in items])

"""What a leaf may say: ranges, sizes, and which values go together. All of it before any SQL."""

from collections.abc import Sequence
from datetime import date
from functools import singledispatch
from math import isfinite

import msgspec

from dangol.know.segment.comparing import (
    bad,
    crossed,
    tidy_comparison,
    tidy_name,
    too_large,
)
from dangol.know.segment.condition import (
    Anniversary,
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
    Name,
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
from dangol.know.segment.terms import DateOp, Take
from dangol.know.segment.window import Duration, Window
from dangol.model.area import problem_of

MAX_WHERE = 10
MAX_SAME = 3
MAX_DAYS = 36_525
MAX_HOURS = MAX_DAYS * 24
MAX_TIMES = 1_000_000_000
MAX_CALENDAR = {"calendar_days": 3_660, "calendar_weeks": 520, "calendar_months": 120}
MAX_STEPS = 60
MAX_ANNIVERSARY = 366
MAX_SUM = 10**18
MAX_TAGS = 100
MAX_SCORE = 1_000_000
MAX_WORD = 200
"""Characters of a topic, a tag or a kind of moment."""
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2199, 12, 31)


@singledispatch
def tidy(leaf: Condition, path: str) -> Condition:
    """The leaf in its one way of writing, types filled in.

    Raises:
        ConditionProblem: it says something that cannot be meant; the path names the place.
    """
    raise TypeError(f"no rules for {type(leaf).__name__}")


@tidy.register
def _(leaf: TraitIs, path: str) -> Condition:
    found = tidy_comparison(leaf.comparison, path)
    return TraitIs(name=found.name, op=found.op, value=found.value, type=found.type, of=found.of)


@tidy.register
def _(leaf: DateIs, path: str) -> Condition:
    if leaf.op in (DateOp.LAST, DateOp.NEXT):
        if leaf.day is not None or leaf.days is None:
            raise bad("`{op}` takes `days` and no `day`.", f"{path}.days", op=leaf.op)
        _require_range(leaf.days, 1, MAX_CALENDAR["calendar_days"], f"{path}.days")
    elif leaf.day is None or leaf.days is not None:
        raise bad("`{op}` takes a `day` and no `days`.", f"{path}.day", op=leaf.op)
    elif isinstance(leaf.day, Relative):
        _require_one(leaf.day, ("days_ago", "days_ahead"), f"{path}.day")
        _require_range(abs(leaf.day.offset), 0, MAX_DAYS, f"{path}.day")
    else:
        _require_day(leaf.day, f"{path}.day")
    return msgspec.structs.replace(leaf, name=tidy_name(leaf.name, f"{path}.name"))


@tidy.register
def _(leaf: Anniversary, path: str) -> Condition:
    _require_range(leaf.within.days, 1, MAX_ANNIVERSARY, f"{path}.within.days")
    return msgspec.structs.replace(leaf, name=tidy_name(leaf.name, f"{path}.name"))


@tidy.register(Did | DidNot | Measured | First | Last | Followed | NotFollowed | Regularly)
def _(leaf: Did, path: str) -> Condition:
    tidy_name(leaf.name, f"{path}.name")
    changes = {"where": _tidy_where(leaf.where, f"{path}.where")}
    if not isinstance(leaf, Regularly):
        _require_window(leaf.within, f"{path}.within")
    if isinstance(leaf, Did):
        _require_times(leaf.times, path)
    return msgspec.structs.replace(leaf, **changes | _more(leaf, path))


@singledispatch
def _more(leaf: Condition, path: str) -> dict:
    """What else an event leaf has to say."""
    return {}


@_more.register
def _(leaf: Measured, path: str) -> dict:
    is_sum = leaf.take in (Take.SUM, Take.AVERAGE)
    if not _is_number(leaf.value) or (is_sum and abs(leaf.value) > MAX_SUM):
        raise bad("This number is too large to compare with.", f"{path}.value")
    return {"property": tidy_name(leaf.property, f"{path}.property")}


@_more.register(First | Last)
def _(leaf: First | Last, path: str) -> dict:
    return {"has": _tidy_where(leaf.has, f"{path}.has")}


@_more.register(Followed | NotFollowed)
def _(leaf: Followed | NotFollowed, path: str) -> dict:
    tidy_name(leaf.then.name, f"{path}.then.name")
    if leaf.after is not None:
        _require_duration(leaf.after, f"{path}.after")
    where = _tidy_where(leaf.then.where, f"{path}.then.where")
    return {
        "then": msgspec.structs.replace(leaf.then, where=where),
        "same": _tidy_same(leaf.same, f"{path}.same"),
    }


def _tidy_same(names: Sequence[Name], path: str) -> tuple[Name, ...]:
    if len(names) > MAX_SAME:
        raise too_large("Two events have up to {most} values in common.", path, most=MAX_SAME)
    return tuple(tidy_name(name, f"{path}[{index}]") for index, name in enumerate(names))


@_more.register
def _(leaf: Regularly, path: str) -> dict:
    _require_range(leaf.of_last, 1, MAX_STEPS, f"{path}.of_last")
    _require_range(leaf.at_least, 1, MAX_STEPS, f"{path}.at_least")
    if leaf.at_least > leaf.of_last:
        raise crossed("It cannot have happened in more of them than there are.", f"{path}.at_least")
    return {}


@tidy.register
def _(leaf: StageIs, path: str) -> Condition:
    if not leaf.stages:
        raise bad("Name at least one stage.", f"{path}.in")
    for key in ("at_least", "less_than"):
        if (duration := getattr(leaf, key)) is not None:
            _require_duration(duration, f"{path}.{key}")
    return leaf


@tidy.register
def _(leaf: InSegment, path: str) -> Condition:
    if leaf.on is not None:
        _require_day(leaf.on, f"{path}.on")
    return leaf


@tidy.register
def _(leaf: ConsentIs, path: str) -> Condition:
    if not leaf.states:
        raise bad("Name at least one answer.", f"{path}.in")
    return leaf


@tidy.register
def _(leaf: Subscribed, path: str) -> Condition:
    _require_word(leaf.topic, f"{path}.topic")
    return leaf


@tidy.register
def _(leaf: Reacted, path: str) -> Condition:
    named = [one for one in (leaf.letter, leaf.campaign, leaf.topic) if one is not None]
    if len(named) > 1:
        raise bad("Name a letter, a campaign or a topic, not several.", path)
    if leaf.topic is not None:
        _require_word(leaf.topic, f"{path}.topic")
    _require_times(leaf.times, path)
    _require_window(leaf.within, f"{path}.within")
    return leaf


@tidy.register
def _(leaf: Place, path: str) -> Condition:
    problem = problem_of(leaf.area)
    if problem is not None:
        raise bad(problem, path)
    is_point = leaf.circle is not None or leaf.polygon is not None
    if is_point and leaf.postcode is not None:
        raise bad("A circle or polygon is compared with a position.", f"{path}.postcode")
    if not is_point and not (leaf.latitude is None and leaf.longitude is None):
        raise bad("Postcodes are compared with a postcode.", f"{path}.latitude")
    return _tidy_position(leaf, path)


@tidy.register
def _(leaf: InMoment, path: str) -> Condition:
    if leaf.id is not None and leaf.kind_of is not None:
        raise bad("Name one moment or one kind of them, not both.", path)
    if leaf.kind_of is not None:
        _require_word(leaf.kind_of, f"{path}.kind_of")
    return _tidy_position(leaf, path)


def _tidy_position(leaf: Place | InMoment, path: str) -> Condition:
    if (leaf.latitude is None) != (leaf.longitude is None):
        raise bad("A position has a latitude and a longitude.", f"{path}.latitude")
    names: dict[str, Name] = {
        key: tidy_name(name, f"{path}.{key}")
        for key in ("latitude", "longitude", "postcode")
        if (name := getattr(leaf, key)) is not None
    }
    return msgspec.structs.replace(leaf, **names)


@tidy.register
def _(leaf: Share, path: str) -> Condition:
    tidy_name(leaf.of, f"{path}.of")
    for key, bound in (("from", leaf.first), ("to", leaf.last)):
        if not (0 <= bound <= 1):
            raise bad("A share lies between 0 and 1.", f"{path}.{key}")
    if leaf.first >= leaf.last:
        raise crossed("A share goes from a smaller number to a larger one.", f"{path}.to")
    return leaf


@tidy.register
def _(leaf: Interested, path: str) -> Condition:
    if not 1 <= len(leaf.tags) <= MAX_TAGS:
        raise too_large("Name 1 to {most} tags.", f"{path}.in", most=MAX_TAGS)
    for index, tag in enumerate(leaf.tags):
        _require_word(tag, f"{path}.in[{index}]")
    if not 0 < leaf.at_least <= MAX_SCORE:
        raise bad(
            "A score is more than 0 and at most {most:,}.", f"{path}.at_least", most=MAX_SCORE
        )
    return leaf


# -- parts ---------------------------------------------------------------------------------


def _tidy_where(where: Sequence[Requirement], path: str) -> tuple[Requirement, ...]:
    """What all has to hold for one event."""
    if len(where) > MAX_WHERE:
        raise too_large(
            "An event has up to {most} conditions on its properties.", path, most=MAX_WHERE
        )
    return tuple(_tidy_requirement(item, f"{path}[{index}]") for index, item in enumerate(where))


def _tidy_requirement(item: Requirement, path: str) -> Requirement:
    return tidy_comparison(item, path) if isinstance(item, Comparison) else tidy(item, path)


def _require_times(times: TimesClause, path: str) -> None:
    if not 0 <= times.value <= MAX_TIMES:
        raise bad("A count is 0 to {most:,}.", f"{path}.times.value", most=MAX_TIMES)


def _require_window(window: Window | None, path: str) -> None:
    if window is None:
        return
    if window.first is not None or window.last is not None:
        if any(getattr(window, key) is not None for key in ("days", "hours", *MAX_CALENDAR)):
            raise bad("A window is one of its kinds.", path)
        for key, day in (("from", window.first), ("until", window.last)):
            if day is not None:
                _require_day(day, f"{path}.{key}")
        if window.first and window.last and window.first > window.last:
            raise crossed("The window ends before it begins.", f"{path}.until")
        return
    limits = {"days": MAX_DAYS, "hours": MAX_HOURS, **MAX_CALENDAR}
    _require_one(window, tuple(limits), path)
    for key, most in limits.items():
        if (size := getattr(window, key)) is not None:
            _require_range(size, 1, most, f"{path}.{key}")


def _require_duration(duration: Duration, path: str) -> None:
    _require_one(duration, ("days", "hours"), path)
    for key, most in (("days", MAX_DAYS), ("hours", MAX_HOURS)):
        if (size := getattr(duration, key)) is not None:
            _require_range(size, 1, most, f"{path}.{key}")


def _require_one(given: object, keys: tuple[str, ...], path: str) -> None:
    if sum(getattr(given, key) is not None for key in keys) != 1:
        raise bad("It takes exactly one of {keys}.", path, keys=", ".join(keys))


def _require_range(number: int, least: int, most: int, path: str) -> None:
    if not least <= number <= most:
        raise bad("It takes a number from {least:,} to {most:,}.", path, least=least, most=most)


def _require_day(day: date, path: str) -> None:
    if not FIRST_DAY <= day <= LAST_DAY:
        raise bad("A day lies between {first} and {last}.", path, first=FIRST_DAY, last=LAST_DAY)


def _require_word(word: str, path: str) -> None:
    tidy_name(word, path)
    if len(word) > MAX_WORD:
        raise too_large("It takes up to {most} characters.", path, most=MAX_WORD)


def _is_number(number: int | float) -> bool:
    try:
        return isfinite(number)
    except OverflowError:
        return False

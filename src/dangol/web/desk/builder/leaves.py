"""Every question with its fields: the one description that form, JSON and page follow from."""

from collections.abc import Mapping
from typing import Any

import msgspec

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
from dangol.model.consent import ConsentState
from dangol.model.message import Channel
from dangol.model.stage import Stage
from dangol.web.desk.builder.clauses import (
    DayOf,
    OneOf,
    Part,
    Span,
    Within,
    fill_all,
    take_all,
)
from dangol.web.desk.builder.compare import Compare
from dangol.web.desk.builder.fields import (
    Choice,
    Day,
    Field,
    Json,
    Lines,
    Many,
    Named,
    Names,
    Number,
    Percent,
    Pick,
    Row,
    Scope,
    Text,
    Whole,
)
from dangol.web.desk.builder.places import area, moment
from dangol.web.desk.builder.where import Where


class Question(msgspec.Struct, frozen=True):
    """What a row asks; its name is the `kind` in the JSON."""

    fields: tuple[Field, ...]
    others: tuple[str, ...] = ()
    """Questions so alike that a row may change between them."""

    def fill(self, leaf: Json) -> Row:
        """The fields of a leaf; those of a new row for an empty one."""
        return fill_all(self.fields, leaf)

    def take(self, scope: Scope) -> Json:
        """The leaf without its kind.

        Raises:
            Unfilled: a field says nothing that can be meant.
        """
        return take_all(self.fields, scope)


def _options(words: Any, *first: str) -> tuple[str, ...]:
    """The words of an enum, those that are meant most often first."""
    return (*first, *(word.value for word in words if word.value not in first))


_COUNT = _options(CountOp, "ge", "le", "eq")
_EVENT = Text(key="name", label="event", offer="events", is_shape=True)
_WHERE = Where(key="where", label="where", event="name")
_WITHIN = Within(key="within", label="within", is_shape=True)
_TIMES = Part(
    key="times",
    label="times",
    fields=(
        Choice(key="op", label="times_op", options=_COUNT, words="op.times_"),
        Whole(key="value", label="times", start="1"),
    ),
)
_THEN = Part(
    key="then",
    label="then",
    fields=(
        Text(key="name", label="then", offer="events", is_shape=True),
        Where(key="where", label="where", event="then.name"),
    ),
)
_SEQUEL = (
    _EVENT,
    _WITHIN,
    _WHERE,
    _THEN,
    Span(key="after", label="after", start="7", is_free=True),
    Names(key="same", label="same", is_free=True, is_more=True),
)
_STAGES = _options(Stage, "loyal", "active", "lapsing", "inactive", "new")
_CHANNEL = Choice(key="channel", label="channel", options=_options(Channel), words="build.channel_")
_PROFILE = {
    "trait": Question((Compare(key="", label="trait"),)),
    "date": Question(
        (
            Named(key="name", label="date_name"),
            OneOf(
                key="op",
                label="date_op",
                words="build.date_",
                is_told=True,
                is_shape=True,
                ways={
                    str(DateOp.NEXT): (Whole(key="days", label="day_count", start="7"),),
                    str(DateOp.LAST): (Whole(key="days", label="day_count", start="7"),),
                    str(DateOp.ON): (DayOf(key="day", label="day", is_shape=True),),
                    str(DateOp.BEFORE): (DayOf(key="day", label="day", is_shape=True),),
                    str(DateOp.AFTER): (DayOf(key="day", label="day", is_shape=True),),
                },
            ),
        )
    ),
    "anniversary": Question(
        (
            Named(key="name", label="anniversary_name"),
            Choice(key="direction", label="direction", options=_options(Direction), words="build.direction_"),
            Part(key="within", label="day_count", fields=(Whole(key="days", label="day_count", start="7"),)),
            Choice(key="calendar", label="calendar", options=_options(Calendar), words="build.calendar_"),
        )
    ),
    "place": Question(area()),
    "moment": Question(moment()),
    "share": Question(
        (
            Text(key="of", label="share_of"),
            Percent(key="from", label="share_from", start="0", absent="0"),
            Percent(key="to", label="share_to", start="10", absent="100"),
        )
    ),
}  # fmt: skip
_HISTORY = {
    "did": Question((_EVENT, _TIMES, _WITHIN, _WHERE), ("did_not",)),
    "did_not": Question((_EVENT, _WITHIN, _WHERE), ("did",)),
    "measure": Question(
        (
            _EVENT,
            Choice(key="take", label="take", options=_options(Take), words="build.take_"),
            Named(key="property", label="measured", event="name"),
            Choice(key="op", label="op", options=_COUNT, words="op.amount_"),
            Number(key="value", label="amount"),
            _WITHIN,
            _WHERE,
        )
    ),
    "first": Question((_EVENT, _WHERE, _WITHIN, Where(key="has", label="has", event="name")), ("last",)),
    "last": Question((_EVENT, _WHERE, _WITHIN, Where(key="has", label="has", event="name")), ("first",)),
    "followed": Question(_SEQUEL, ("not_followed",)),
    "not_followed": Question(_SEQUEL, ("followed",)),
    "regularly": Question(
        (
            _EVENT,
            Whole(key="at_least", label="at_least", start="3"),
            Whole(key="of_last", label="of_last", start="4"),
            Choice(key="step", label="step", options=_options(Step, "week"), words="build.step_"),
            _WHERE,
        )
    ),
}  # fmt: skip
_STANDING = {
    "message": Question(
        (
            Choice(key="did", label="reaction", options=_options(Reaction), words="build.reaction_"),
            OneOf(
                key="about",
                label="about",
                words="build.about_",
                is_shape=True,
                ways={
                    "any": (),
                    "letter": (Pick(key="letter", label="letter", offer="letters"),),
                    "campaign": (Pick(key="campaign", label="campaign", offer="campaigns"),),
                    "topic": (Text(key="topic", label="topic", offer="topics"),),
                },
            ),
            _TIMES,
            _WITHIN,
        )
    ),
    "subscription": Question(
        (
            Text(key="topic", label="topic", offer="topics"),
            Choice(key="is", label="standing", options=_options(Standing), words="build.standing_"),
            _CHANNEL,
        )
    ),
    "consent": Question(
        (
            Many(key="in", label="answers", options=_options(ConsentState, "granted"), words="consent."),
            _CHANNEL,
        )
    ),
    "stage": Question(
        (
            Many(key="in", label="stages", options=_STAGES, words="stage."),
            Span(key="at_least", label="stage_at_least", is_free=True, is_more=True),
            Span(key="less_than", label="stage_less_than", is_free=True, is_more=True),
            Many(key="previous", label="previous", options=_STAGES, words="stage.", is_free=True, is_more=True),
        )
    ),
    "interest": Question(
        (
            Lines(key="in", label="tags", offer="tags"),
            Number(key="at_least", label="interest_at_least", start="3"),
        )
    ),
    "segment": Question(
        (
            Pick(key="id", label="segment", offer="segments"),
            Day(key="on", label="segment_on", is_free=True),
        )
    ),
}  # fmt: skip
QUESTIONS: Mapping[str, Question] = _PROFILE | _HISTORY | _STANDING

MENU = (
    ("did", ("did", "measure", "followed", "regularly", "last")),
    ("standing", ("stage", "interest", "segment")),
    ("profile", ("trait", "date", "anniversary", "place", "moment")),
    ("letters", ("message", "subscription", "consent")),
    ("more", ("share", "group")),
)
"""What can be added, in the order and groups in which it is offered."""

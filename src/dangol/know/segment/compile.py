"""A condition becomes DuckDB SQL over the snapshot views; every value travels as a parameter.

Each event that is asked about is read once, whatever is asked of it, and only "A, then B" looks at
the history again. Every test is wrapped so that it says true or false, never null, as
the plain-Python oracle does.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from functools import singledispatchmethod
from typing import NamedTuple
from zoneinfo import ZoneInfo

from dangol.know.segment import anniversary, value
from dangol.know.segment.compare import SIGNS, Comparer
from dangol.know.segment.condition import (
    All,
    Anniversary,
    AnyOf,
    Condition,
    ConsentIs,
    DateIs,
    Did,
    First,
    Followed,
    InSegment,
    Interested,
    Last,
    Measured,
    Not,
    NotFollowed,
    Place,
    Regularly,
    Share,
    StageIs,
    Subscribed,
    TraitIs,
)
from dangol.know.segment.day import span_of_date
from dangol.know.segment.interest import least_weight
from dangol.know.segment.periods import TABLE, Periods
from dangol.know.segment.place import place_sql
from dangol.know.segment.plan import (
    Counter,
    Plan,
    Question,
    Sequel,
    plan,
    plan_questions,
    questions_of,
)
from dangol.know.segment.scan import Scan
from dangol.know.segment.share import bounds_of, share_sql
from dangol.know.segment.terms import Standing, Take
from dangol.know.segment.value import Values
from dangol.know.segment.window import Days
from dangol.model.tag import fold_tag

TRAITS = "c.traits"


class Column(NamedTuple):
    """Where a question's answers stand: a table with customer_id, and its column."""

    table: str
    column: str


def compile(
    condition: Condition,
    now: datetime,
    zone: str = "UTC",
    columns: Mapping[tuple[str, str], str] | None = None,
    counted: Mapping[Question, Column] | None = None,
    zones: Collection[str] | None = None,
) -> tuple[str, list[object]]:
    """SQL that yields (bucket, customer_id) of everyone for whom `condition` is true at `now`.

    It reads the views `customers`, `events`, `stages`, `consents`, `memberships` and `interests`
    of a lake snapshot, as far as the condition asks (`plan.needs_of`), and takes its values as
    `$1`, `$2` … in the order of the list. `zone` is the brand's: for times without an offset, and
    for customers without a zone. `columns` maps (property, type) to a column of `events` that
    holds it, which costs a fraction of looking into the JSON. `counted` names tables that hold the
    answer to every question of the history already, made by `compile_questions` for the same
    `now`. `zones` are those that customers have, None for all there are. What names segments,
    messages and moments must have been resolved (`check.inline`).

    Raises:
        TypeError: the condition still names another segment, a message or a moment.
    """
    compiler = _Compiler(plan(condition, now), now, zone, columns or {}, zones)
    return compiler.statement(counted)


def compile_questions(
    questions: Sequence[Question],
    now: datetime,
    zone: str = "UTC",
    columns: Mapping[tuple[str, str], str] | None = None,
    zones: Collection[str] | None = None,
) -> list[tuple[tuple[Question, ...], str, list[object]]]:
    """Each pass over the history: the questions it answers, its SQL and parameters.

    The SQL yields customer_id and n0, n1 …: the answers in the order of the questions. Customers
    without any such event are left out.
    """
    planned = plan_questions(questions, now)
    passes: list[tuple[Question, ...]] = [planned.counters] if planned.counters else []
    passes += [(sequel,) for sequel in planned.sequels]
    return [
        (asked, *_Compiler(planned, now, zone, columns or {}, zones).one_pass(asked))
        for asked in passes
    ]


def compile_several(
    conditions: Sequence[Condition], now: datetime, zone: str = "UTC"
) -> tuple[str, list[object]]:
    """SQL that yields customer_id and is0, is1 …: of everyone, whether each condition is true.

    What they ask of the history is asked in one scan, the same question once. Otherwise as `compile`.
    """
    planned = [plan(condition, now) for condition in conditions]
    asked = dict.fromkeys(question for each in planned for question in each.questions)
    compiler = _Compiler(plan_questions(list(asked), now), now, zone, {}, None)
    return compiler.answers([each.where for each in planned])


class _Compiler:
    """Collects parameters, tables and joins while it turns one plan into text."""

    def __init__(
        self,
        planned: Plan,
        now: datetime,
        zone: str,
        columns: Mapping[tuple[str, str], str],
        zones: Collection[str] | None,
    ) -> None:
        self._plan = planned
        self._now = now
        self._values = Values()
        self._comparer = Comparer(self._values, ZoneInfo(zone), columns)
        self._periods = Periods(self._values, now, zone, zones)
        self._scan = Scan(self._values, self._comparer, self._periods, now)
        self._tables: list[str] = []
        self._joins: dict[str, None] = {}
        self._channels: list[str] = []
        self._counted: Mapping[Question, Column] = {}

    def statement(self, counted: Mapping[Question, Column] | None) -> tuple[str, list[object]]:
        """The whole statement and its parameters."""
        self._counted = self._ask() if counted is None else counted
        where = self._test(self._plan.where)
        text = f"select c.bucket, c.customer_id\n{self._source()}\nwhere {where}"
        return self._head() + text, self._values.listed

    def answers(self, conditions: Sequence[Condition]) -> tuple[str, list[object]]:
        """A statement that tests each of them, and its parameters."""
        self._counted = self._ask()
        tests = [f"({self._test(each)}) as is{place}" for place, each in enumerate(conditions)]
        columns = ",\n    ".join(["c.customer_id", *tests])
        return self._head() + f"select {columns}\n{self._source()}", self._values.listed

    def _source(self) -> str:
        """Everyone, and beside them what the tests look at."""
        used = dict.fromkeys(self._counted[one].table for one in self._plan.questions)
        counted = [f"left join {table} on {table}.customer_id = c.customer_id" for table in used]
        zoned = [f"left join {TABLE} z on z.zone = c.zone"] if self._periods else []
        return "\n".join(["from customers c", *counted, *self._joins, *zoned])

    def one_pass(self, asked: Sequence[Question]) -> tuple[str, list[object]]:
        """Only a pass over the history."""
        text = self._one_pass(asked)
        head = self._head()
        return f"{head}select * from ({text})" if head else text, self._values.listed

    def _head(self) -> str:
        tables = [*self._periods.tables(), *self._tables]
        return "with " + ",\n".join(tables) + "\n" if tables else ""

    def _one_pass(self, asked: Sequence[Question]) -> str:
        if isinstance(asked[0], Sequel):
            return self._scan.sequel(asked[0])
        return self._scan.counters([one for one in asked if isinstance(one, Counter)])

    def _ask(self) -> dict[Question, Column]:
        """Adds the passes over the history as tables."""
        made: dict[Question, Column] = {}
        if self._plan.counters:
            self._tables.append(f"counted as (\n  {self._one_pass(self._plan.counters)}\n)")
            for index, counter in enumerate(self._plan.counters):
                made[counter] = Column("counted", f"n{index}")
        for index, sequel in enumerate(self._plan.sequels):
            self._tables.append(f"sequel{index} as (\n  {self._one_pass([sequel])}\n)")
            made[sequel] = Column(f"sequel{index}", "n0")
        return made

    def _join(self, table: str) -> None:
        self._joins[f"left join {table}"] = None

    def _answers(self, leaf: Condition) -> list[str]:
        """The columns with the answers to what a leaf asks of the history."""
        columns = (self._counted[question] for question in questions_of(leaf))
        return [f"{table}.{column}" for table, column in columns]

    def _consents(self, channel: str) -> str:
        """The alias under which a channel's row of a customer is joined."""
        if channel not in self._channels:
            self._channels.append(channel)
        alias = f"a{self._channels.index(channel)}"
        self._join(
            f"consents {alias} on {alias}.bucket = c.bucket"
            f" and {alias}.customer_id = c.customer_id"
            f" and {alias}.channel = {self._values.add(channel)}"
        )
        return alias

    def _belongs(self, select: str) -> str:
        """Whether the customer is among the customer_id of a select."""
        name = f"among{len(self._tables)}"
        self._tables.append(f"{name} as ({select})")
        self._join(f"{name} on {name}.customer_id = c.customer_id")
        return f"{name}.customer_id is not null"

    # -- nodes -------------------------------------------------------------------------

    @singledispatchmethod
    def _test(self, condition: Condition) -> str:
        raise TypeError(f"{type(condition).__name__} must be resolved before it is compiled")

    @_test.register
    def _(self, condition: All) -> str:
        return _joined(" and ", [self._test(part) for part in condition.of], "true")

    @_test.register
    def _(self, condition: AnyOf) -> str:
        return _joined(" or ", [self._test(part) for part in condition.of], "false")

    @_test.register
    def _(self, condition: Not) -> str:
        return f"not ({self._test(condition.of)})"

    # -- the profile -------------------------------------------------------------------

    @_test.register
    def _(self, leaf: TraitIs) -> str:
        return self._comparer.compare(leaf.comparison, TRAITS)

    @_test.register
    def _(self, leaf: DateIs) -> str:
        utc, wall = self._periods.micros(lambda today: span_of_date(leaf, today))
        path = self._values.add(value.pointer(leaf.name))
        return f"coalesce({value.time_between_sql(TRAITS, path, utc, wall)}, false)"

    @_test.register
    def _(self, leaf: Anniversary) -> str:
        path = self._values.add(value.pointer(leaf.name))
        sets = {day: anniversary.keys_within(leaf, day) for day in self._periods.todays}
        whens = " ".join(
            f"when {self._values.add(day)}::date then {self._values.add(sorted(keys))}::varchar[]"
            for day, keys in sets.items()
        )
        wanted = f"case {self._periods.today()} {whens} end"
        return f"coalesce(list_contains({wanted}, {anniversary.key_sql(TRAITS, path)}), false)"

    @_test.register
    def _(self, leaf: Place) -> str:
        return place_sql(leaf, self._values, TRAITS)

    @_test.register
    def _(self, leaf: Share) -> str:
        low, high = bounds_of(leaf)
        unit = share_sql(self._values.add(leaf.of), "c.customer_id")
        tests = [f"{unit} >= {self._values.add(low)}"] if low else []
        tests += [f"{unit} < {self._values.add(high)}"] if high is not None else []
        return _joined(" and ", tests, "true")

    # -- the history -------------------------------------------------------------------

    @_test.register
    def _(self, leaf: Did) -> str:
        (times,) = self._answers(leaf)
        return f"coalesce({times}, 0) {SIGNS[leaf.times.op]} {self._values.add(leaf.times.value)}"

    @_test.register
    def _(self, leaf: Measured) -> str:
        found, *numbers = self._answers(leaf)
        sign = SIGNS[leaf.op]
        if leaf.take in (Take.SUM, Take.AVERAGE):
            wanted = f"{self._values.add(value.exact_millionths(leaf.value))}::hugeint"
            if leaf.take is Take.SUM:
                return f"coalesce({found}, 0) {sign} {wanted}"
            return f"coalesce({numbers[0]} > 0 and {found} {sign} {wanted} * {numbers[0]}, false)"
        wanted = f"{self._values.add(float(leaf.value))}::double"
        if leaf.take is Take.DISTINCT:
            return f"coalesce({found}, 0)::double {sign} {wanted}"
        return f"coalesce({found} {sign} {wanted}, false)"

    @_test.register(First | Last)
    def _(self, leaf: First | Last) -> str:
        edge, *same = self._answers(leaf)
        tests = [f"{edge} is not null", *self._scan.window(leaf.within, edge)]
        return f"coalesce({' and '.join([*tests, *(f'{one} = {edge}' for one in same)])}, false)"

    @_test.register(Followed | NotFollowed)
    def _(self, leaf: Followed | NotFollowed) -> str:
        (times,) = self._answers(leaf)
        return f"coalesce({times}, 0) > 0"

    @_test.register
    def _(self, leaf: Regularly) -> str:
        (steps,) = self._answers(leaf)
        return f"bit_count(coalesce({steps}, 0)) >= {self._values.add(leaf.at_least)}"

    # -- standing ----------------------------------------------------------------------

    @_test.register
    def _(self, leaf: StageIs) -> str:
        self._join("stages s on s.bucket = c.bucket and s.customer_id = c.customer_id")
        tests = [self._is_in("coalesce(s.stage, 'unknown')", leaf.stages)]
        for duration, sign in ((leaf.at_least, "<="), (leaf.less_than, ">")):
            if duration is not None:
                then = self._values.add(self._now - duration.delta)
                tests.append(f"coalesce(s.since {sign} {then}, false)")
        if leaf.previous:
            was = self._is_in("coalesce(s.previous, 'unknown')", leaf.previous)
            tests.append(f"s.customer_id is not null and {was}")
        return tests[0] if len(tests) == 1 else _joined(" and ", tests, "true")

    @_test.register
    def _(self, leaf: ConsentIs) -> str:
        alias = self._consents(str(leaf.channel))
        return self._is_in(f"coalesce({alias}.consent, 'unknown')", leaf.states)

    @_test.register
    def _(self, leaf: Subscribed) -> str:
        alias = self._consents(str(leaf.channel))
        path = self._values.add(value.pointer((leaf.topic, "state")))
        said = f"coalesce(json_extract_string({alias}.topics, {path}), 'unknown')"
        is_on = (
            f"coalesce({alias}.consent = 'granted', false)"
            f" and {said} not in ('denied', 'withdrawn')"
        )
        return is_on if leaf.standing is Standing.ON else f"not ({is_on})"

    @_test.register
    def _(self, leaf: InSegment) -> str:
        if leaf.on is None:
            raise TypeError("InSegment must be resolved before it is compiled")
        day: date = leaf.on
        since, until = self._periods.instants(lambda _: Days(day, day))
        return self._belongs(
            f"select distinct m.customer_id from memberships m"
            f" join customers c on c.customer_id = m.customer_id{self._zoned()}"
            f" where m.segment_id = {self._values.add(str(leaf.id))}"
            f" and m.entered_at < {until} and coalesce(m.left_at > {since}, true)"
        )

    @_test.register
    def _(self, leaf: Interested) -> str:
        tags = self._values.add(sorted({fold_tag(tag) for tag in leaf.tags}))
        weight = self._values.add(least_weight(leaf.at_least, self._now))
        return self._belongs(
            "select distinct i.customer_id from interests i"
            f" where list_contains({tags}::varchar[], i.tag) and i.weight >= {weight}::double"
        )

    def _zoned(self) -> str:
        return f" left join {TABLE} z on z.zone = c.zone" if self._periods else ""

    def _is_in(self, expression: str, wanted: Sequence[str]) -> str:
        return self._comparer.is_in(expression, [str(one) for one in wanted], "varchar")


def _joined(word: str, tests: list[str], empty: str) -> str:
    return word.join(f"({test})" for test in tests) if tests else empty

"""A condition becomes DuckDB SQL over the snapshot views; every value travels as a parameter.

The history is read once: each event question is one `count(*) filter` of the same scan. Every
test is wrapped so that it says true or false, never null, as the plain-Python oracle does.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import singledispatchmethod
from typing import NamedTuple
from zoneinfo import ZoneInfo

from dangol.know.segment import value
from dangol.know.segment.condition import (
    All,
    AnyOf,
    Comparison,
    Condition,
    ConsentIs,
    CountOp,
    Did,
    Not,
    Op,
    StageIs,
    TraitIs,
    ValueType,
)
from dangol.know.segment.plan import Counter, Plan, counter_of, plan, plan_counters


class Column(NamedTuple):
    """Where a counter's answers stand: a table with customer_id, and its column."""

    table: str
    column: str


_SIGNS = {"eq": "=", "ne": "<>", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_READERS: dict[ValueType, Callable[[str, str], str]] = {
    ValueType.TEXT: value.text_sql,
    ValueType.NUMBER: value.number_sql,
    ValueType.BOOLEAN: value.boolean_sql,
}
_FROM_COLUMN: dict[ValueType | None, Callable[[str], str]] = {
    ValueType.TEXT: value.fold_sql,
    ValueType.NUMBER: str,
    ValueType.BOOLEAN: str,
}
"""Times are read from the JSON: a column holds none of those without an offset."""
_CASTS = {ValueType.TEXT: "varchar", ValueType.NUMBER: "double", ValueType.BOOLEAN: "boolean"}


def compile(
    condition: Condition,
    now: datetime,
    zone: str = "UTC",
    columns: Mapping[tuple[str, str], str] | None = None,
    counted: Mapping[Counter, Column] | None = None,
) -> tuple[str, list[object]]:
    """SQL that yields (bucket, customer_id) of everyone for whom `condition` is true at `now`.

    It reads the views `customers`, `events`, `stages` and `consents` of a lake snapshot and takes
    its values as `$1`, `$2` … in the order of the list. `zone` is the brand's, for times without
    an offset. `columns` maps (property, type) to a column of `events` that holds it, which costs a
    fraction of looking into the JSON. `counted` names tables that hold the answer to every event
    question already, made by `compile_counters` for the same `now`. Segments must have been inlined (`check.inline`).

    Raises:
        TypeError: the condition still names another segment.
    """
    compiler = _Compiler(plan(condition, now), now, ZoneInfo(zone), columns or {})
    return compiler.statement(counted or {})


def compile_counters(
    counters: Sequence[Counter],
    now: datetime,
    zone: str = "UTC",
    columns: Mapping[tuple[str, str], str] | None = None,
) -> tuple[str, list[object]]:
    """SQL that yields customer_id and n0, n1 …: how often each counter counts, in one scan.

    Customers without any such event are left out.
    """
    planned = plan_counters(counters, now)
    return _Compiler(planned, now, ZoneInfo(zone), columns or {}).counters()


class _Compiler:
    """Collects parameters while it turns one plan into text."""

    def __init__(
        self,
        planned: Plan,
        now: datetime,
        zone: ZoneInfo,
        columns: Mapping[tuple[str, str], str],
    ) -> None:
        self._plan = planned
        self._now = now
        self._zone = zone
        self._columns = columns
        self._values: list[object] = []
        self._channels: list[str] = []
        self._counted: Mapping[Counter, Column] = {}
        self._reads_stage = False

    def statement(self, counted: Mapping[Counter, Column]) -> tuple[str, list[object]]:
        """The whole statement and its parameters."""
        head = ""
        if self._plan.counters and not counted:
            head = f"with counted as (\n  {self._scan()}\n)\n"
            made = enumerate(self._plan.counters)
            counted = {counter: Column("counted", f"n{index}") for index, counter in made}
        self._counted = counted
        where = self._test(self._plan.where)
        lines = ["select c.bucket, c.customer_id", "from customers c", *self._joins()]
        return head + "\n".join([*lines, f"where {where}"]), self._values

    def counters(self) -> tuple[str, list[object]]:
        """Only the scan that counts."""
        return self._scan(), self._values

    def _parameter(self, given: object) -> str:
        for index, known in enumerate(self._values, start=1):
            if type(known) is type(given) and known == given:
                return f"${index}"
        self._values.append(given)
        return f"${len(self._values)}"

    def _scan(self) -> str:
        counters = self._plan.counters
        names = ", ".join(dict.fromkeys(self._parameter(item.name) for item in counters))
        columns = ",\n".join(f"    {self._count(c)} as n{i}" for i, c in enumerate(counters))
        since = self._plan.since
        after = f" and time > {self._parameter(since)}" if since else ""
        return (
            f"select customer_id,\n{columns}\n  from events\n"
            f"  where name in ({names}) and time <= {self._parameter(self._now)}{after}\n"
            "  group by customer_id"
        )

    def _count(self, counter: Counter) -> str:
        tests = [f"name = {self._parameter(counter.name)}"]
        if counter.days is not None:
            since = self._now - timedelta(days=counter.days)
            tests.append(f"time > {self._parameter(since)}")
        tests += [self._compare(item, "props") for item in counter.where]
        return f"count(*) filter (where {' and '.join(tests)})"

    def _joins(self) -> list[str]:
        tables = dict.fromkeys(self._counted[one].table for one in self._plan.counters)
        joins = [f"left join {name} on {name}.customer_id = c.customer_id" for name in tables]
        if self._reads_stage:
            joins.append(
                "left join stages s on s.bucket = c.bucket and s.customer_id = c.customer_id"
            )
        for channel in self._channels:
            alias = self._alias(channel)
            joins.append(
                f"left join consents {alias} on {alias}.bucket = c.bucket"
                f" and {alias}.customer_id = c.customer_id"
                f" and {alias}.channel = {self._parameter(channel)}"
            )
        return joins

    def _alias(self, channel: str) -> str:
        if channel not in self._channels:
            self._channels.append(channel)
        return f"a{self._channels.index(channel)}"

    # -- tests -------------------------------------------------------------------------

    @singledispatchmethod
    def _test(self, condition: Condition) -> str:
        raise TypeError(f"{type(condition).__name__} must be inlined before it is compiled")

    @_test.register
    def _(self, condition: All) -> str:
        return _joined(" and ", [self._test(part) for part in condition.of], "true")

    @_test.register
    def _(self, condition: AnyOf) -> str:
        return _joined(" or ", [self._test(part) for part in condition.of], "false")

    @_test.register
    def _(self, condition: Not) -> str:
        return f"not ({self._test(condition.of)})"

    @_test.register
    def _(self, condition: TraitIs) -> str:
        return self._compare(condition.comparison, "c.traits")

    @_test.register
    def _(self, condition: Did) -> str:
        table, column = self._counted[counter_of(condition)]
        sign = _SIGNS[CountOp(condition.times.op)]
        return f"coalesce({table}.{column}, 0) {sign} {self._parameter(condition.times.value)}"

    @_test.register
    def _(self, condition: StageIs) -> str:
        self._reads_stage = True
        wanted = [str(stage) for stage in condition.stages]
        return self._is_in("coalesce(s.stage, 'unknown')", wanted, "varchar")

    @_test.register
    def _(self, condition: ConsentIs) -> str:
        alias = self._alias(str(condition.channel))
        wanted = [str(state) for state in condition.states]
        return self._is_in(f"coalesce({alias}.consent, 'unknown')", wanted, "varchar")

    def _is_in(self, expression: str, wanted: list, cast: str) -> str:
        return f"list_contains({self._parameter(wanted)}::{cast}[], {expression})"

    # -- comparisons -------------------------------------------------------------------

    def _compare(self, test: Comparison, json: str) -> str:
        column = self._columns.get((test.name, str(test.type))) if json == "props" else None
        if column and test.type in _FROM_COLUMN:
            found = _FROM_COLUMN[test.type](_quoted(column))
            return f"coalesce({self._operate(test, found)}, false)"
        path = self._parameter(value.pointer(test.name))
        if test.op is Op.EXISTS:
            return f"coalesce(json_type({json}, {path}) <> 'NULL', false)"
        if test.op is Op.MISSING:
            return f"coalesce(json_type({json}, {path}) = 'NULL', true)"
        if test.type is ValueType.TIME:
            return self._compare_time(test, json, path)
        assert test.type is not None
        found = _READERS[test.type](json, path)
        return f"coalesce({self._operate(test, found)}, false)"

    def _operate(self, test: Comparison, found: str) -> str:
        assert test.type is not None
        cast = _CASTS[test.type]
        if test.op is Op.IN:
            assert isinstance(test.value, tuple)
            wanted = [value.readable(item) for item in test.value]
            return self._is_in(found, wanted, cast)
        wanted = f"{self._parameter(value.readable(test.value))}::{cast}"
        if test.op is Op.CONTAINS:
            return f"contains({found}, {wanted})"
        if test.op is Op.STARTS_WITH:
            return f"starts_with({found}, {wanted})"
        return f"({found}) {_SIGNS[test.op]} {wanted}"

    def _compare_time(self, test: Comparison, json: str, path: str) -> str:
        clock = value.clock_of(str(test.value), self._zone)
        if clock is None:
            return "false"
        utc, wall = self._parameter(clock.utc), self._parameter(clock.wall)
        return f"coalesce({value.time_sql(json, path, _SIGNS[test.op], utc, wall)}, false)"


def _joined(word: str, tests: list[str], empty: str) -> str:
    return word.join(f"({test})" for test in tests) if tests else empty


def _quoted(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'

"""What a condition asks of the history, as SQL: one pass for all counters, one for each sequel."""

from collections.abc import Sequence
from datetime import date, datetime
from functools import partial

from dangol.know.segment import value
from dangol.know.segment.compare import Comparer
from dangol.know.segment.periods import PLACED, Periods
from dangol.know.segment.plan import Counter, Question, Sequel, Tally, since_of
from dangol.know.segment.sequel import sequel_sql
from dangol.know.segment.value import Values
from dangol.know.segment.window import DAY, Window, days_of, month_before

_MOST_BRANCHES = 4
"""Of more names, one pass over all their rows is cheaper than one each."""
_AGGREGATES = {
    Tally.COUNT: "count({})",
    Tally.SUM: "sum({})",
    Tally.NUMBERS: "count({})",
    Tally.MIN: "min({})",
    Tally.MAX: "max({})",
    Tally.DISTINCT: "count(distinct {})",
    Tally.FIRST: "min({})",
    Tally.LAST: "max({})",
    Tally.STEPS: "bit_or({})",
}


class Scan:
    """Writes the questions of one condition; collects parameters and periods."""

    def __init__(self, values: Values, comparer: Comparer, periods: Periods, now: datetime) -> None:
        self._values = values
        self._comparer = comparer
        self._periods = periods
        self._now = now

    def counters(self, counters: Sequence[Counter]) -> str:
        """SQL that yields customer_id and n0, n1 …, one per counter.

        A branch for each event name reads only its rows and columns, and tells a value for each
        counter where a row counts, else null.
        """
        names = list(dict.fromkeys(item.name for item in counters))
        groups = [[name] for name in names] if len(names) <= _MOST_BRANCHES else [names]
        branches = "\n    union all ".join(self._branch(group, counters) for group in groups)
        columns = ", ".join(
            f"{_AGGREGATES[each.tally].format(f'v{i}')} as n{i}" for i, each in enumerate(counters)
        )
        return (
            f"select customer_id, {columns}\n  from (\n    {branches}\n  )\n  group by customer_id"
        )

    def _branch(self, names: Sequence[str], counters: Sequence[Counter]) -> str:
        own = [counter for counter in counters if counter.name in names]
        tests = {counter: self._tests(counter, is_named=len(names) == 1) for counter in own}
        shared = [test for test in tests[own[0]] if all(test in each for each in tests.values())]
        values = [
            self._value(each, [test for test in tests[each] if test not in shared])
            if each in tests
            else "null"
            for each in counters
        ]
        columns = ", ".join(f"{told} as v{i}" for i, told in enumerate(values))
        among = f"name in ({', '.join(map(self._values.add, names))})"
        where = " and ".join([among, self._bounds(own), *shared])
        return f"select e.customer_id, {columns} {self._source(own)} where {where}"

    def _value(self, counter: Counter, tests: Sequence[str]) -> str:
        """What a row adds to a counter, or null."""
        told = self._told(counter)
        return f"case when {' and '.join(tests)} then {told} end" if tests else told

    def sequel(self, sequel: Sequel) -> str:
        """SQL that yields customer_id and n0, how many events were (not) followed, if any."""
        names = ", ".join(
            dict.fromkeys(self._values.add(name) for name in (sequel.name, sequel.then.name))
        )
        first = " and ".join(self._tests(sequel))
        then = " and ".join(self._tests(Counter(sequel.then.name, None, sequel.then.where)))
        same = [f"{self._comparer.distinct(name)} as s{i}" for i, name in enumerate(sequel.same)]
        columns = ", ".join(["e.customer_id", "epoch_us(time) as micros", *same])
        known = "".join(f" and s{i} is not null" for i in range(len(same)))
        events = (
            f"select {columns}, {first} as is_first, {then} as is_then\n"
            f"      {self._source([sequel])}\n"
            f"      where name in ({names}) and {self._bounds([sequel])}"
        )

        def seen(test: str) -> str:
            also = f" and {test}" if test else ""
            return f"select * from ({events}{also}) where (is_first or is_then){known}"

        return sequel_sql(sequel, seen, self._values, self._now)

    def _source(self, questions: Sequence[Question]) -> str:
        local = any(q.within is not None and q.within.exact is None for q in questions)
        join = f" left join {PLACED} z on z.customer_id = e.customer_id"
        # the windows were written already, so it is known whether any differs between zones
        return f"from events e{join if local and self._periods else ''}"

    def _bounds(self, questions: Sequence[Question]) -> str:
        since = since_of(questions, self._now)
        after = f" and time >= {self._values.add(since)}" if since else ""
        return f"time <= {self._values.add(self._now)}{after}"

    def _tests(self, question: Question, *, is_named: bool = False) -> list[str]:
        """What an event has to be like to count; `is_named` when only those of the name are seen."""
        name = [] if is_named else [f"name = {self._values.add(question.name)}"]
        where = [self._comparer.require(item) for item in question.where]
        return [*name, *self.window(question.within, "time"), *where]

    def window(self, within: Window | None, time: str) -> list[str]:
        """Tests that an instant lies in a window; that it is past is tested elsewhere."""
        if within is None:
            return []
        if within.exact is not None:
            return [f"{time} > {self._values.add(self._now - within.exact)}"]
        since, until = self._periods.span(within)
        return [
            *([f"{time} >= {since}"] if since else []),
            *([f"{time} < {until}"] if until else []),
        ]

    def _told(self, counter: Counter) -> str:
        match counter.tally:
            case Tally.COUNT:
                return "1"
            case Tally.FIRST | Tally.LAST:
                return "time"
            case Tally.STEPS:
                return f"1::bigint << ({self._step(counter)})"
        assert counter.property is not None
        if counter.tally is Tally.DISTINCT:
            return self._comparer.distinct(counter.property)
        number = self._comparer.number(counter.property)
        if counter.tally in (Tally.MIN, Tally.MAX):
            return number
        return value.millionths_sql(number)

    def _step(self, counter: Counter) -> str:
        """How many of the later steps have begun when the event happened."""
        assert counter.within is not None
        begun = self._periods.starts(partial(later_steps, counter.within))
        return " + ".join(f"(time >= {start})::int" for start in begun) or "0"


def later_steps(window: Window, today: date) -> list[date]:
    """The first days of the window's steps, without the earliest."""
    first = days_of(window, today).first
    assert first is not None
    if window.calendar_days is not None:
        return [first + step * DAY for step in range(1, window.calendar_days)]
    if window.calendar_weeks is not None:
        return [first + step * 7 * DAY for step in range(1, window.calendar_weeks)]
    assert window.calendar_months is not None
    return [month_before(first, -step) for step in range(1, window.calendar_months)]

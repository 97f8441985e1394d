"""What a condition asks of the history, as SQL: one scan for all counters, one for each sequel."""

from collections.abc import Sequence
from datetime import date, datetime
from functools import partial

from dangol.know.segment import value
from dangol.know.segment.compare import Comparer
from dangol.know.segment.condition import Requirement
from dangol.know.segment.periods import PLACED, Periods
from dangol.know.segment.plan import Counter, Question, Sequel, Tally, since_of
from dangol.know.segment.sequel import sequel_sql
from dangol.know.segment.value import Values
from dangol.know.segment.window import DAY, Window, days_of, month_before


class Scan:
    """Writes the questions of one condition; collects parameters and periods."""

    def __init__(self, values: Values, comparer: Comparer, periods: Periods, now: datetime) -> None:
        self._values = values
        self._comparer = comparer
        self._periods = periods
        self._now = now

    def counters(self, counters: Sequence[Counter]) -> str:
        """SQL that yields customer_id and n0, n1 …, one per counter, in one scan."""
        names = ", ".join(dict.fromkeys(self._values.add(item.name) for item in counters))
        columns = ",\n".join(f"    {self._column(c)} as n{i}" for i, c in enumerate(counters))
        source = self._source(counters)
        return (
            f"select e.customer_id,\n{columns}\n  {source}\n"
            f"  where name in ({names}) and {self._bounds(counters)}\n"
            "  group by e.customer_id"
        )

    def sequel(self, sequel: Sequel) -> str:
        """SQL that yields customer_id and n0, how many events were (not) followed, if any."""
        names = ", ".join(
            dict.fromkeys(self._values.add(name) for name in (sequel.name, sequel.then.name))
        )
        first = " and ".join(self._tests(sequel.name, sequel.within, sequel.where))
        then = " and ".join(self._tests(sequel.then.name, None, sequel.then.where))
        same = [f"{self._comparer.distinct(name)} as s{i}" for i, name in enumerate(sequel.same)]
        columns = ", ".join(["e.customer_id", "epoch_us(time) as micros", *same])
        known = "".join(f" and s{i} is not null" for i in range(len(same)))
        seen = (
            f"select *\n    from (select {columns}, {first} as is_first, {then} as is_then\n"
            f"      {self._source([sequel])}\n"
            f"      where name in ({names}) and {self._bounds([sequel])})\n"
            f"    where (is_first or is_then){known}"
        )
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

    def _tests(self, name: str, within: Window | None, where: Sequence[Requirement]) -> list[str]:
        tests = [f"name = {self._values.add(name)}", *self.window(within, "time")]
        return tests + [self._comparer.require(item) for item in where]

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

    def _column(self, counter: Counter) -> str:
        tests = " and ".join(self._tests(counter.name, counter.within, counter.where))
        return f"{self._aggregate(counter)} filter (where {tests})"

    def _aggregate(self, counter: Counter) -> str:
        match counter.tally:
            case Tally.COUNT:
                return "count(*)"
            case Tally.FIRST:
                return "min(time)"
            case Tally.LAST:
                return "max(time)"
            case Tally.STEPS:
                return f"bit_or(1::bigint << ({self._step(counter)}))"
        assert counter.property is not None
        if counter.tally is Tally.DISTINCT:
            return f"count(distinct {self._comparer.distinct(counter.property)})"
        number = self._comparer.number(counter.property)
        if counter.tally in (Tally.MIN, Tally.MAX):
            return f"{counter.tally}({number})"
        kind = "sum" if counter.tally is Tally.SUM else "count"
        return f"{kind}({value.millionths_sql(number)})"

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

"""A, then B: what came after what in each person's history, as SQL.

Up to now, the earliest and the latest of each kind tell. Within a while, rows are read in the order
in which files hold them, each beside its neighbours, which needs no sorting. Whoever's rows turn out
not to have come one after the other, by time, is answered by a join that sorts: so what is found
does not depend on the order, only how fast.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from dangol.know.segment.plan import Sequel
from dangol.know.segment.value import Values
from dangol.model.customer import BUCKETS

Seen = Callable[[str], str]
"""SQL that yields customer_id, micros (since 1970), is_first, is_then, and s0, s1 … for what has to
be the same in both, of the events that pass another test as well."""

_MICROSECOND = timedelta(microseconds=1)
_BANDS = 2
"""Neighbours are looked at by one thread; so many parts of the buckets keep as many busy. More cost
small tables more than they save large ones."""
_IS_START = "c0 is distinct from customer_id"
_IS_ODD = "(m0 > micros or (m0 = micros and (is_then or t0)))"
"""Not in the order of time, or at the same time as what it may follow."""


class Span(NamedTuple):
    """SQL of how long after the first of the two the other may come, and of when that is over."""

    after: str
    until: str


def sequel_sql(sequel: Sequel, seen: Seen, values: Values, now: datetime) -> str:
    """SQL that yields customer_id and n0: how many of the first kind were (not) followed, if any."""
    if sequel.after is None:
        return _up_to_now(sequel, seen(""))
    after = f"{values.add(sequel.after // _MICROSECOND)}::bigint"
    span = Span(after, f"epoch_us({values.add(now)}::timestamptz) - {after}")
    if sequel.same:
        return f"with seen as materialized ({seen('')})\n  {_joined(sequel, span)}"
    answers = _followed(seen, span) if sequel.came else _not_followed(seen, span)
    return (
        f"with told as materialized (\n    {answers}\n  ), again as (\n"
        "    select customer_id from told where not is_plain\n  ), seen as materialized (\n"
        f"    {seen('e.customer_id in (select customer_id from again)')}\n  )\n"
        "  select customer_id, n0 from told where is_plain\n"
        f"  union all\n  {_joined(sequel, span)}"
    )


def _up_to_now(sequel: Sequel, seen: str) -> str:
    """Of those with the same values, the earliest is followed or none; the latest is not or all are."""
    keys = ", ".join(_keys(sequel))
    last = "max(micros) filter (where is_then)"
    if sequel.came:
        found = f"coalesce(min(micros) filter (where is_first) < {last}, false)"
    else:
        latest = "max(micros) filter (where is_first)"
        found = f"{latest} is not null and coalesce({latest} >= {last}, true)"
    return (
        f"select customer_id, count(*) filter (where found) as n0 from (\n"
        f"    select {keys}, {found} as found\n    from ({seen})\n    group by {keys}\n"
        "  ) group by customer_id"
    )


def _keys(sequel: Sequel) -> list[str]:
    return ["customer_id", *(f"s{place}" for place in range(len(sequel.same)))]


def _joined(sequel: Sequel, span: Span) -> str:
    """The next of the second kind after each of the first, by an as-of join over `seen`."""
    soon = f"t.micros <= f.micros + {span.after}"
    late = f"f.micros <= {span.until} and coalesce(t.micros > f.micros + {span.after}, true)"
    same = " and ".join(f"f.{key} = t.{key}" for key in _keys(sequel))
    return (
        f"select f.customer_id, count(*) filter (where {soon if sequel.came else late}) as n0\n"
        "  from (select * from seen where is_first) f\n"
        "  asof left join (select * from seen where is_then) t\n"
        f"    on {same} and f.micros < t.micros\n"
        "  group by f.customer_id"
    )


def _followed(seen: Seen, span: Span) -> str:
    """customer_id, n0, is_plain: what comes soonest after one of the first kind is its neighbour."""
    soon = f"is_then and f0 and m0 < micros and micros <= m0 + {span.after}"
    return (
        f"select customer_id, count(*) filter (where c0 = customer_id and {soon}) as n0,\n"
        f"      count(*) filter (where {_IS_START}) = 1"
        f" and not coalesce(bool_or(c0 = customer_id and {_IS_ODD}), false) as is_plain\n"
        f"    from ({_in_bands(seen, _beside)}) group by customer_id"
    )


def _not_followed(seen: Seen, span: Span) -> str:
    """customer_id, n0, is_plain: of those without one of the other kind between, the first waits longest.

    So only these are kept, and what ends their wait, which then is their neighbour or the next.
    """
    following = (
        "case when c1 = customer_id then case when t1 then m1 when c2 = customer_id then m2 end end"
    )
    late = f"micros <= {span.until} and coalesce({following} > micros + {span.after}, true)"
    return (
        f"select customer_id, count(*) filter (where is_first and {late}) as n0,\n"
        "      count(*) filter (where is_start) = 1"
        " and count(*) filter (where c1 is distinct from customer_id) = 1\n"
        "      and not bool_or(is_odd or coalesce(c1 = customer_id and m1 < micros, false)) as is_plain\n"
        f"    from ({_in_bands(seen, _waits)}) group by customer_id"
    )


def _in_bands(seen: Seen, look: Callable[[str], str]) -> str:
    width = BUCKETS // _BANDS
    bands = (f"e.bucket between {low} and {low + width - 1}" for low in range(0, BUCKETS, width))
    return " union all\n      ".join(look(seen(band)) for band in bands)


def _beside(seen: str) -> str:
    """Each row with the customer, time and kinds of the one before it."""
    return (
        "select *, lag(customer_id) over () as c0, lag(micros) over () as m0,"
        f" lag(is_first) over () as f0, lag(is_then) over () as t0 from ({seen})"
    )


def _waits(seen: str) -> str:
    """Of rows that take turns, each with the two that come after it."""
    turns = f"{_IS_START} or (is_first and t0) or (is_then and f0) or {_IS_ODD}"
    kept = (
        f"select customer_id, micros, is_first, is_then, {_IS_START} as is_start,"
        f" coalesce(c0 = customer_id and {_IS_ODD}, false) as is_odd"
        f" from ({_beside(seen)}) where {turns}"
    )
    return (
        "select *, lead(customer_id) over () as c1, lead(micros) over () as m1,"
        " lead(is_then) over () as t1, lead(customer_id, 2) over () as c2,"
        f" lead(micros, 2) over () as m2 from ({kept})"
    )

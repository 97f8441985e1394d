"""A, then B: what came after what in each person's history, as SQL.

Up to now, the earliest and the latest of each kind tell. Within a while, rows are read in the order
in which files hold them, each with its neighbours; whoever's rows did not come one after the other,
by time, is looked at again by a join that sorts.
"""

from datetime import datetime, timedelta

from dangol.know.segment.plan import Sequel
from dangol.know.segment.value import Values

_MICROSECOND = timedelta(microseconds=1)


def sequel_sql(sequel: Sequel, seen: str, values: Values, now: datetime) -> str:
    """SQL that yields customer_id and n0: how many of the first kind were (not) followed, if any.

    `seen` yields customer_id, micros (microseconds since 1970), is_first, is_then, and s0, s1 … for what
    has to be the same in both.
    """
    keys = ", ".join(["customer_id", *(f"s{place}" for place in range(len(sequel.same)))])
    if sequel.after is None:
        return _up_to_now(sequel, seen, keys)
    after = f"{values.add(sequel.after // _MICROSECOND)}::bigint"
    until = f"epoch_us({values.add(now)}::timestamptz) - {after}"
    return _within(sequel, seen, keys, (after, until))


def _up_to_now(sequel: Sequel, seen: str, keys: str) -> str:
    """Of those with the same values, the earliest is followed or none; the latest is not or all are."""
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


def _within(sequel: Sequel, seen: str, keys: str, span: tuple[str, str]) -> str:
    """The next of the second kind after each of the first is found by an as-of join."""
    after, until = span
    soon = f"t.micros <= f.micros + {after}"
    late = f"f.micros <= {until} and coalesce(t.micros > f.micros + {after}, true)"
    same = " and ".join(f"f.{key} = t.{key}" for key in keys.split(", "))
    return (
        f"with seen as materialized ({seen})\n"
        f"  select f.customer_id, count(*) filter (where {soon if sequel.came else late}) as n0\n"
        "  from (select * from seen where is_first) f\n"
        "  asof left join (select * from seen where is_then) t\n"
        f"    on {same} and f.micros < t.micros\n"
        "  group by f.customer_id"
    )

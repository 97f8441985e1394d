"""A follower that fetches changes only sees what a fresh snapshot sees."""

from collections.abc import Callable

import psycopg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from dangol.settings import Settings
from dangol.store.lake import Follower, open_duckdb, snapshot
from dangol.store.lake.mover import move_once
from dangol.store.lake.reading import VIEWS
from dangol.store.pool import connect

from .history import NOW, append, fact

_CUSTOMER = """
insert into customer (bucket, customer_id, first_seen_at, last_seen_at, created_at, traits)
values (%(id)s %% 1024, %(id)s, now(), now(), now(), '{"n": 1}')
on conflict (bucket, customer_id) do update set traits = jsonb_build_object('n', random())"""
_STATE = """
insert into contact_state (bucket, customer_id, channel) values (%(id)s %% 1024, %(id)s, 'email')
on conflict (bucket, customer_id, channel) do update set consent = 'granted'"""
_STAGE = """
insert into stage (bucket, customer_id, stage, since, cause, repeats, first_day, last_day, scored_at)
values (%(id)s %% 1024, %(id)s, 'new', now(), 'time', 0, now(), now(), now())
on conflict (bucket, customer_id) do update set stage = 'loyal'"""
_MASK = """
insert into mask (bucket, customer_id, kind, created_at, rewrite_due_at)
values (%(id)s %% 1024, %(id)s, 'erase', now(), now() + interval '30 days') on conflict do nothing"""
CHANGES: dict[str, str] = {
    "customer": _CUSTOMER,
    "state": _STATE,
    "stage": _STAGE,
    "mask": _MASK,
    "merge": "update customer set merged_into = 1 where customer_id = %(id)s",
    "erase": "update customer set erased_at = now() where customer_id = %(id)s",
    "unstage": "delete from stage where customer_id = %(id)s",
    "forget": "delete from contact_state where customer_id = %(id)s",
    "rewritten": "update mask set rewritten_at = now() where customer_id = %(id)s",
}
STEPS = st.lists(
    st.tuples(st.sampled_from([*CHANGES, "event", "move", "renew", "hold"]), st.integers(0, 4)),
    max_size=30,
)


@pytest.fixture
def agree(settings: Settings, dsn: str) -> Callable[[Follower], None]:
    """Compare every view of a follower with those of a fresh snapshot."""

    def check(follower: Follower) -> None:
        kept = follower.renew()
        with snapshot(settings, dsn) as fresh:
            for view in VIEWS:
                sql = f"select * from {view} order by all"
                assert kept.query(sql).equals(fresh.query(sql)), view

    return check


@hypothesis_settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS)
def test_following_agrees_with_a_fresh_snapshot(
    conn: psycopg.Connection, dsn: str, settings: Settings, agree: Callable, steps: list
) -> None:
    conn.execute("truncate customer, contact_state, stage, mask, event_recent, lake_file")
    conn.commit()
    with open_duckdb(settings, threads=1) as duck, connect(dsn, name="late") as late:
        follower = Follower(duck, settings, dsn)
        for name, number in steps:
            if name == "hold":  # a transaction that began before a renewal and commits after it
                late.commit()
                append(late, [fact(number + 10)])
                late.execute(_CUSTOMER, {"id": number + 10})
            elif name == "event":
                append(conn, [fact(number)])
            elif name == "move":
                move_once(dsn, settings, NOW)
            elif name == "renew":
                follower.renew()
            else:
                conn.execute(CHANGES[name], {"id": number})
            conn.commit()
        agree(follower)
        late.commit()
        agree(follower)


def test_a_renewal_that_fails_shows_nothing_of_itself(
    conn: psycopg.Connection, dsn: str, settings: Settings, agree: Callable
) -> None:
    conn.execute(_CUSTOMER, {"id": 1})
    conn.commit()
    with open_duckdb(settings, threads=1) as duck:
        follower = Follower(duck, settings, dsn)
        before = follower.renew()
        conn.execute(_CUSTOMER, {"id": 2})
        conn.execute("alter table stage rename to stage_away")
        conn.commit()
        with pytest.raises(Exception, match="stage"):
            follower.renew()
        assert before.query("select customer_id from customers")["customer_id"].to_pylist() == [1]
        conn.execute("alter table stage_away rename to stage")
        conn.commit()
        agree(follower)


def test_a_pinned_view_stays_at_its_instant_while_another_goes_on(
    conn: psycopg.Connection, dsn: str, settings: Settings
) -> None:
    people = "select customer_id from customers"
    with open_duckdb(settings, threads=1) as duck:
        follower = Follower(duck, settings, dsn)
        with follower.renew().pinned() as before:
            append(conn, [fact(1)])
            conn.execute(_CUSTOMER, {"id": 1})
            conn.commit()
            move_once(dsn, settings, NOW)
            with follower.renew().pinned() as after:
                assert after.query(people)["customer_id"].to_pylist() == [1]
                assert after.query("select name from events").num_rows == 1
                assert before.query(people).num_rows == 0
                assert before.query("select name from events").num_rows == 0
                zone = before.query("select current_setting('TimeZone') as zone")
                assert zone["zone"].to_pylist() == ["UTC"]

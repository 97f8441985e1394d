"""Route on a real database: each event once, to the right person, whatever arrives in what order."""

import datetime as dt
import json
import threading
from typing import Any

import psycopg
import pytest

from dangol.engine.route import RouteResult, route_once
from dangol.listen.heard import Heard, IntakeRow, Parsed
from dangol.listen.intake import append_intake
from dangol.store.pool import connect

NOW = dt.datetime(2026, 11, 21, 12, 0, tzinfo=dt.UTC)


def hear(
    conn: psycopg.Connection, *items: Any, path: str = "/v1/batch", at: dt.datetime = NOW
) -> None:
    """One request with these items, committed."""
    body = {"batch": items} if path in ("/v1/batch", "/v1/import") else items[0]
    raw = json.dumps(body).encode()
    append_intake(conn, kind="track", source="key_a", body=raw, at=at, meta={"path": path})
    conn.commit()


def route(conn: psycopg.Connection, now: dt.datetime = NOW, **hearers: Any) -> RouteResult:
    conn.commit()
    return route_once(conn, hearers, now)


def track(name: str, message: str, **ids: str) -> dict[str, Any]:
    return {"type": "track", "event": name, "messageId": message, **ids}


def inbox(conn: psycopg.Connection) -> list[tuple]:
    return conn.execute(
        "select name, customer_id, props from inbox order by received_at, name"
    ).fetchall()


def people(conn: psycopg.Connection) -> set[frozenset[str]]:
    """Who is one person: the ids of each customer, as `kind:value`."""
    rows = conn.execute(
        "select array_agg(kind || ':' || value) from identity group by customer_id"
    ).fetchall()
    return {frozenset(row[0]) for row in rows}


def test_an_event_enters_the_inbox_of_its_customer(conn: psycopg.Connection) -> None:
    hear(conn, track("Viewed", "m1", userId="u1") | {"properties": {"price": 12.5}})
    assert route(conn) == RouteResult(rows=1, events=1)
    assert inbox(conn) == [("Viewed", 1, {"price": 12.5})]
    assert conn.execute("select count(*) from intake").fetchone() == (0,)
    row = conn.execute(
        "select bucket, first_seen_at from customer where customer_id = 1"
    ).fetchone()
    assert row == (1, NOW)


def test_nothing_to_do_is_nothing_done(conn: psycopg.Connection) -> None:
    assert route(conn) == RouteResult()


def test_a_retry_is_heard_once(conn: psycopg.Connection) -> None:
    for _ in range(2):
        hear(conn, track("Viewed", "m1", userId="u1"), track("Viewed", "m1", userId="u1"))
    assert route(conn) == RouteResult(rows=2, events=1, duplicates=3)
    hear(conn, track("Viewed", "m1", userId="u1"))
    assert route(conn) == RouteResult(rows=1, duplicates=1)


@pytest.mark.parametrize(("days", "events"), [(1, 0), (6, 0), (7, 0), (14, 1)])
def test_a_retry_is_recognised_for_seven_days(
    conn: psycopg.Connection, days: int, events: int
) -> None:
    for day in range(days + 1):
        at = NOW + dt.timedelta(days=day)
        if day in (0, days):
            hear(conn, track("Viewed", "m1", userId="u1"), at=at)
        else:
            hear(conn, track("Other", f"other {day}", userId="u1"), at=at)
        result = route(conn, at)
    assert result.events == events


def test_keys_of_the_week_before_last_are_dropped(conn: psycopg.Connection) -> None:
    for week in range(4):
        hear(conn, track("Viewed", "m1", userId="u1"), at=NOW)
        route(conn, NOW + dt.timedelta(days=7 * week))
    rows = conn.execute("select relname from pg_class where relname ~ '^seen_[0-9]+$' order by 1")
    assert [row[0] for row in rows] == ["seen_20261130", "seen_20261207"]


def test_a_clock_that_goes_back_does_not_reopen_a_week(conn: psycopg.Connection) -> None:
    hear(conn, track("Viewed", "m1", userId="u1"))
    route(conn, NOW)
    hear(conn, track("Viewed", "m1", userId="u1"))
    assert route(conn, NOW - dt.timedelta(days=9)).duplicates == 1


def test_bad_items_are_refused_and_the_rest_goes_on(conn: psycopg.Connection) -> None:
    hear(conn, track("A", "m1", userId="u1"), 7, {"type": "track", "event": "B"})
    assert route(conn) == RouteResult(rows=1, events=1, rejects=2)
    rows = conn.execute("select reason, source from reject order by reason").fetchall()
    assert rows == [("no_identity", "key_a"), ("not_an_object", "key_a")]


def test_a_body_that_is_no_json_does_not_stop_the_queue(conn: psycopg.Connection) -> None:
    for body in (b"\xff\x00{", b"", b"[" * 100_000):
        append_intake(conn, kind="track", source="k", body=body, at=NOW, meta={"path": "/v1/batch"})
    append_intake(conn, kind="import", source="i", body=b"no arrow", at=NOW)
    append_intake(conn, kind="system", source="s", body=b"{}", at=NOW)
    hear(conn, track("A", "m1", userId="u1"))
    assert route(conn) == RouteResult(rows=6, events=1, rejects=5)


def test_what_the_database_refuses_is_found_and_refused_alone(conn: psycopg.Connection) -> None:
    deep = json.loads("[" * 400 + "]" * 400)
    huge = track("Huge", "m0", userId="u1") | {"properties": {"n": 10**4000}}
    items = [track(f"E{n}", f"m{n}", userId=f"u{n}") for n in range(1, 20)]
    conn.execute("alter table inbox add constraint poison check (name <> 'E7')")
    hear(conn, *items, huge, track("Deep", "md", userId="u1") | {"properties": {"d": deep}})
    result = route(conn)
    assert (result.events, result.rejects) == (20, 1)
    assert "E7" not in {row[0] for row in inbox(conn)}
    assert conn.execute("select reason from reject").fetchall() == [("bad_value",)]


def test_two_visits_before_a_login_become_the_users(conn: psycopg.Connection) -> None:
    hear(conn, track("Viewed", "m1", anonymousId="a1"))
    hear(conn, track("Viewed", "m2", anonymousId="a2"), at=NOW + dt.timedelta(seconds=1))
    route(conn)
    hear(conn, track("Login", "m3", anonymousId="a1", userId="u1"))
    hear(conn, track("Login", "m4", anonymousId="a2", userId="u1"))
    route(conn)
    assert people(conn) == {frozenset({"anon:a1", "anon:a2", "user:u1"})}
    merged = conn.execute("select customer_id, merged_into from customer order by 1").fetchall()
    assert merged == [(1, None), (2, 1)]
    assert conn.execute("select loser_id, winner_id from merge_task").fetchall() == [(2, 1)]
    names = [row[0] for row in inbox(conn)]
    assert names.count("Customers Merged") == 1


def test_a_second_user_on_the_device_is_somebody_else(conn: psycopg.Connection) -> None:
    hear(conn, track("A", "m1", anonymousId="a1", userId="u1"))
    hear(conn, track("B", "m2", anonymousId="a1", userId="u2"))
    route(conn)
    assert people(conn) == {frozenset({"anon:a1", "user:u1"}), frozenset({"user:u2"})}


def test_an_alias_joins_two_users_and_later_events_follow(conn: psycopg.Connection) -> None:
    for message, user in (("m1", "old"), ("m2", "new"), ("m3", "third")):
        hear(conn, track("A", message, userId=user))
    route(conn)
    alias = {"type": "alias", "messageId": "m4", "userId": "new", "previousId": "old"}
    hear(conn, alias)
    route(conn)
    hear(conn, alias | {"messageId": "m5", "userId": "third", "previousId": "new"})
    route(conn)
    rows = conn.execute("select customer_id, merged_into from customer order by 1").fetchall()
    assert rows == [(1, 3), (2, 3), (3, None)]
    assert conn.execute("select loser_id, winner_id from merge_task order by 1").fetchall() == [
        (1, 3),
        (2, 3),
    ]
    hear(conn, track("Later", "m6", userId="old"))
    route(conn)
    assert ("Later", 3, {}) in inbox(conn)


def test_two_workers_with_the_same_events(dsn: str, conn: psycopg.Connection) -> None:
    rounds = 12
    for number in range(rounds):
        for _ in range(3):
            items = [
                track("A", f"m{number}-{item}", anonymousId=f"a{item}", userId=f"u{item // 3}")
                for item in range(30)
            ]
            hear(conn, *(items if number % 2 else items[::-1]))
    results: list[RouteResult] = []
    failures: list[BaseException] = []

    def work() -> None:
        try:
            with connect(dsn, name="worker") as own:
                while (result := route_once(own, {}, NOW, limit=2)).rows:
                    results.append(result)
        except BaseException as error:
            failures.append(error)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    while route(conn).rows:
        pass
    assert not failures
    applied = conn.execute(
        "select count(*), count(distinct event_id) from inbox where name = 'A'"
    ).fetchone()
    assert applied == (rounds * 30, rounds * 30)
    assert len(people(conn)) == 10
    assert conn.execute("select count(*) from customer where merged_into is null").fetchone() == (
        10,
    )


def test_a_hearer_that_breaks_on_one_row_refuses_that_row(conn: psycopg.Connection) -> None:
    for body in (b"good", b"bad", b"good"):
        append_intake(conn, kind="mail", source="post", body=body, at=NOW)
    assert route(conn).rows == 0, "nobody reads mail yet, so it stays"
    read: list[bytes] = []

    def hear_mail(conn: psycopg.Connection, rows: list[IntakeRow], now: dt.datetime) -> Parsed:
        for row in rows:
            if row.body == b"bad":
                raise ValueError("no headers")
            read.append(row.body)
        return Parsed([], [])

    assert route(conn, mail=hear_mail) == RouteResult(rows=3, rejects=1)
    assert conn.execute("select reason from reject").fetchall() == [("unreadable_mail",)]


def test_facts_about_the_merged_go_to_the_winner_and_about_the_erased_nowhere(
    conn: psycopg.Connection,
) -> None:
    for number in (1, 2, 3):
        hear(conn, track("A", f"m{number}", userId=f"u{number}"))
    route(conn)
    conn.execute("update customer set merged_into = 2 where customer_id = 1")
    conn.execute("update customer set erased_at = %s where customer_id = 3", [NOW])
    facts = [
        {"message_id": f"f{who}", "name": "Note", "time": NOW.isoformat(), "customer_id": who}
        for who in (1, 2, 3)
    ]
    append_intake(conn, kind="system", source="desk", body=json.dumps(facts).encode(), at=NOW)
    assert route(conn).rejects == 1
    assert [row[1] for row in inbox(conn) if row[0] == "Note"] == [2, 2]


def test_the_catalogue_counts_events_and_properties(conn: psycopg.Connection) -> None:
    order = {"total": 12.5, "at": "2026-01-02T03:04:05Z", "gift": True, "note": None}
    for number in range(3):
        hear(conn, track("Order Completed", f"m{number}", userId="u") | {"properties": order})
    route(conn)
    rows = conn.execute(
        "select owner, name, type, count from catalogue_property order by name"
    ).fetchall()
    owner = "Order Completed"
    assert rows == [
        (owner, "at", "time", 3),
        (owner, "gift", "boolean", 3),
        (owner, "total", "number", 3),
    ]
    assert conn.execute("select name, count from catalogue_event").fetchall() == [(owner, 3)]


def test_values_that_cannot_be_encoded_cost_only_their_event(conn: psycopg.Connection) -> None:
    for _ in range(3):
        append_intake(conn, kind="form", source="page", body=b"", at=NOW)

    def hear_form(conn: psycopg.Connection, rows: list[IntakeRow], now: dt.datetime) -> Parsed:
        texts = ["fine", "\ud800", "fine too"]
        return Parsed([_fact(row, text) for row, text in zip(rows, texts, strict=True)], [])

    assert route(conn, form=hear_form) == RouteResult(rows=3, events=2, rejects=1)
    assert [props["text"] for _, _, props in inbox(conn)] == ["fine", "fine too"]


def _fact(row: IntakeRow, text: str) -> Heard:
    return Heard(
        key=f"{row.id:032x}",
        name="Form Sent",
        time=NOW,
        received_at=NOW,
        props={"text": text},
        source="page",
        user_id="u1",
    )

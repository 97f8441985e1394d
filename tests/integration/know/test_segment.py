"""Segments in a real database, counted over a real snapshot."""

import threading
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from dangol.errors import Conflict, InputError, NotFound, Refused
from dangol.know.segment import ConditionProblem, parse
from dangol.know.segment.plan import needs_of
from dangol.know.segment.service import (
    archive_segment,
    audience,
    count,
    create_segment,
    delete_segment,
    edit_segment,
    get_segment,
    list_segments,
    resolve,
)
from dangol.know.segment.store import find_version
from dangol.settings import Settings
from dangol.store.lake import snapshot
from dangol.store.lake.manifest import list_typed
from dangol.store.pool import connect
from tests.integration.know.crowd import add_customer, add_event

NOW = datetime.now(UTC)
LOYAL = {"kind": "stage", "in": ["loyal"]}
ORDERED = {"kind": "did", "name": "Order Completed", "within": {"days": 30}}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "data", engine_memory_mb=256)


def test_counting_is_exact_and_samples_by_name(
    conn: psycopg.Connection, dsn: str, settings: Settings
) -> None:
    add_customer(conn, 1, {"name": "김하나", "city": "서울"}, stage="loyal", consent="granted")
    add_customer(conn, 2, {"name": "Bo", "city": "부산"}, stage="new")
    add_customer(conn, 1025, {"city": "SEOUL"})
    add_customer(conn, 4, {"city": "서울"}, merged_into=1)
    for days in (1, 5, 29, 31):
        add_event(conn, 1, "Order Completed", days, {"total": 1000 * days})
    add_event(conn, 2, "Order Completed", 40, {"total": "5000"})
    conn.commit()
    expected = [
        ({"kind": "all", "of": []}, [1, 2, 1025]),
        (ORDERED, [1]),
        ({**ORDERED, "times": {"op": "eq", "value": 3}}, [1]),
        ({**ORDERED, "where": [{"name": "total", "op": "gt", "value": 29000}]}, []),
        ({"kind": "did", "name": "Order Completed"}, [1, 2]),
        ({"kind": "did_not", "name": "Order Completed"}, [1025]),
        (LOYAL, [1]),
        ({"kind": "stage", "in": ["unknown"]}, [1025]),
        ({"kind": "consent", "in": ["unknown"]}, [2, 1025]),
        ({"kind": "trait", "name": "city", "op": "eq", "value": "seoul"}, [1025]),
        ({"kind": "not", "of": {"kind": "trait", "name": "name", "op": "exists"}}, [1025]),
    ]
    for definition, people in expected:
        condition = parse(definition)
        needs = needs_of(condition, NOW)
        with snapshot(settings, dsn, views=needs.views, since=needs.since) as snap:
            found = audience(snap, condition, (0, 1023), NOW)
            assert sorted(found.column("customer_id").to_pylist()) == people, definition
            assert found.column_names == ["bucket", "customer_id"]
            counted = count(snap, condition, NOW)
            halves = [audience(snap, condition, part, NOW) for part in ((0, 1), (2, 1023))]
        assert counted.people == len(people)
        assert [one.customer_id for one in counted.sample] == people
        assert sum(half.num_rows for half in halves) == len(people)
    with snapshot(settings, dsn) as snap:
        assert count(snap, parse(LOYAL), NOW).sample[0].name == "김하나"


def test_segments_have_versions_and_refuse_stale_edits(conn: psycopg.Connection) -> None:
    made = create_segment(conn, "  단골   손님 ", LOYAL, "member:1", NOW).segment
    assert (made.name, made.version) == ("단골 손님", 1)
    edited = edit_segment(conn, made, "Regulars", ORDERED, "member:2", NOW).segment
    assert edited.version == 2
    with pytest.raises(Conflict):
        edit_segment(conn, made, "Late", LOYAL, "member:3", NOW)
    assert get_segment(conn, made.id) == edited
    assert find_version(conn, made.id, 1) == parse(LOYAL)
    with pytest.raises(NotFound):
        get_segment(conn, uuid4())
    for name in ("", "x" * 121, "a\0"):
        with pytest.raises(InputError):
            create_segment(conn, name, LOYAL, "member:1", NOW)


def test_segments_in_use_stay(conn: psycopg.Connection) -> None:
    inner = create_segment(conn, "Inner", LOYAL, "t", NOW).segment
    named = {"kind": "segment", "id": str(inner.id)}
    outer = create_segment(conn, "Outer", {"kind": "not", "of": named}, "t", NOW).segment
    conn.execute(
        "insert into campaign (id, name, state, segment_id, schedule, created_at, created_by,"
        " changed_at) values (%s, 'Spring', 'done', %s, '{}', now(), 't', now())",
        [uuid4(), outer.id],
    )
    with pytest.raises(Refused, match="segment “Outer”"):
        delete_segment(conn, inner.id, 1)
    with pytest.raises(Refused, match="segment “Outer”"):
        archive_segment(conn, inner.id, 1, "t", NOW)
    with pytest.raises(Refused, match="campaign “Spring”"):
        delete_segment(conn, outer.id, 1)
    archive_segment(conn, outer.id, 1, "t", NOW)
    assert [one.name for one in list_segments(conn)] == ["Inner"]
    with pytest.raises(Conflict):
        delete_segment(conn, inner.id, 7)
    delete_segment(conn, inner.id, 1)
    assert list_segments(conn) == []
    with pytest.raises(ConditionProblem, match="no segment"):
        resolve(conn, parse(named), NOW)


def test_two_edits_cannot_make_a_circle(dsn: str) -> None:
    with connect(dsn, name="t") as conn:
        a = create_segment(conn, "A", LOYAL, "t", NOW).segment
        b = create_segment(conn, "B", LOYAL, "t", NOW).segment
        with pytest.raises(ConditionProblem, match="contain each other"):
            edit_segment(conn, a, "A", {"kind": "segment", "id": str(a.id)}, "t", NOW)
    refused: list[ConditionProblem] = []

    def point(one, other) -> None:
        try:
            with connect(dsn, name="t") as conn:
                edit_segment(
                    conn, one, one.name, {"kind": "segment", "id": str(other.id)}, "t", NOW
                )
        except ConditionProblem as problem:
            refused.append(problem)

    threads = [threading.Thread(target=point, args=pair) for pair in ((a, b), (b, a))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [problem.code for problem in refused] == ["cycle"]


def test_an_edit_may_not_break_those_that_contain_it(conn: psycopg.Connection) -> None:
    inner = create_segment(conn, "Inner", LOYAL, "t", NOW).segment
    named = {"kind": "segment", "id": str(inner.id)}
    create_segment(conn, "Outer", {"kind": "any", "of": [named] * 10}, "t", NOW)
    fits = {"kind": "any", "of": [LOYAL] * 30}
    grown = edit_segment(conn, inner, "Inner", fits, "t", NOW).segment
    with pytest.raises(ConditionProblem, match="over 300"):
        edit_segment(conn, grown, "Inner", {"kind": "any", "of": [LOYAL] * 31}, "t", NOW)


def test_what_was_archived_cannot_be_chosen(conn: psycopg.Connection) -> None:
    old = create_segment(conn, "Old", LOYAL, "t", NOW).segment
    archive_segment(conn, old.id, 1, "t", NOW)
    with pytest.raises(ConditionProblem, match="no segment"):
        create_segment(conn, "New", {"kind": "segment", "id": str(old.id)}, "t", NOW)
    with pytest.raises(Conflict):
        edit_segment(conn, get_segment(conn, old.id), "Old", ORDERED, "t", NOW)


def test_what_conditions_name_gets_columns_in_files(conn: psycopg.Connection) -> None:
    conn.execute(
        "insert into catalogue_property (owner, name, type, count, last_at)"
        " select 'Order Shipped', name, type, 1, now() from (values ('total', 'number'),"
        " ('total', 'text'), ('order_id', 'text'), ('latitude', 'number'), ('note', 'text'),"
        " ('price', 'number')) heard (name, type)"
    )
    assert list_typed(conn) == ()
    shipped = {
        "kind": "not_followed",
        "name": "Order Shipped",
        "where": [{"name": "total", "op": "gt", "value": 5}, {"kind": "moment"}],
        "then": {"name": "Order Delivered"},
        "same": ["order_id"],
    }
    price = {"kind": "measure", "name": "Order Shipped", "take": "max", "property": "price"}
    either = {"kind": "any", "of": [shipped, {"kind": "not", "of": {**price, "value": 5}}]}
    segment = create_segment(conn, "S", either, "t", NOW).segment
    assert [(column.property, str(column.type)) for column in list_typed(conn)] == [
        ("latitude", "number"),
        ("order_id", "text"),
        ("price", "number"),
        ("total", "number"),
    ]
    archive_segment(conn, segment.id, 1, "t", NOW)
    assert list_typed(conn) == ()

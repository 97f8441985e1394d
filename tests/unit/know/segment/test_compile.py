"""The SQL that is made, word for word: a change here is a change of what runs on every segment."""

from datetime import timedelta

import pytest

from dangol.know.segment import compile, parse
from tests.unit.know.segment.world import NOW


def test_everyone_is_one_scan_of_customers() -> None:
    assert compile(parse({"kind": "all", "of": []}), NOW) == (
        "select c.bucket, c.customer_id\nfrom customers c\nwhere true",
        [],
    )


def test_each_name_is_read_once_and_values_are_parameters() -> None:
    order = {"kind": "did", "name": "Order'; drop table events; --", "times": {"value": 2}}
    where = [{"name": "total", "op": "ge", "value": 50_000}]
    asked = {
        "kind": "all",
        "of": [
            {**order, "within": {"days": 30}, "where": where},
            {"kind": "did_not", "name": "Refund", "within": {"days": 7}},
            {"kind": "stage", "in": ["loyal", "active"]},
            {"kind": "consent", "in": ["granted"]},
        ],
    }
    sql, values = compile(parse(asked), NOW, columns={("total", "number"): "p_total"})
    assert sql == (
        "with counted as (\n"
        "  select customer_id, count(v0) as n0, count(v1) as n1\n"
        "  from (\n"
        "    select e.customer_id, 1 as v0, null as v1 from events e"
        " where name in ($3) and time <= $4 and time >= $2 and time > $2"
        ' and coalesce(("p_total") >= $1::double, false)\n'
        "    union all select e.customer_id, null as v0, 1 as v1 from events e"
        " where name in ($6) and time <= $4 and time >= $5 and time > $5\n"
        "  )\n"
        "  group by customer_id\n"
        ")\n"
        "select c.bucket, c.customer_id\n"
        "from customers c\n"
        "left join counted on counted.customer_id = c.customer_id\n"
        "left join stages s on s.bucket = c.bucket and s.customer_id = c.customer_id\n"
        "left join consents a0 on a0.bucket = c.bucket and a0.customer_id = c.customer_id"
        " and a0.channel = $10\n"
        "where (coalesce(counted.n0, 0) >= $7) and (coalesce(counted.n1, 0) = $8) and "
        "(list_contains($9::varchar[], coalesce(s.stage, 'unknown'))) and "
        "(list_contains($11::varchar[], coalesce(a0.consent, 'unknown')))"
    )
    assert values == [
        50_000.0, NOW - timedelta(days=30), order["name"], NOW, NOW - timedelta(days=7), "Refund",
        2, 0, ["loyal", "active"], "email", ["granted"],
    ]  # fmt: skip


def test_text_is_folded_on_both_sides() -> None:
    asked = {"kind": "trait", "name": "a/b", "op": "contains", "value": "ÉCLAIR"}
    sql, values = compile(parse(asked), NOW)
    assert sql.splitlines()[-1] == (
        "where coalesce(contains(case when json_type(c.traits, $1) = 'VARCHAR' then "
        "nfc_normalize(replace(replace(replace(lower(nfc_normalize("
        "json_extract_string(c.traits, $1))), 'ς', 'σ'), 'ſ', 's'), 'ß', 'ss')) end, $2::varchar), false)"
    )
    assert values == ["/a~1b", "éclair"]


def test_segments_must_be_inlined_first() -> None:
    named = parse({"kind": "segment", "id": "00000000-0000-0000-0000-000000000001"})
    with pytest.raises(TypeError, match="resolved"):
        compile(named, NOW)

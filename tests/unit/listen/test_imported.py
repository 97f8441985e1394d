"""Lines of imports: all clean ones in columns, every other one refused by number and reason."""

import datetime as dt

import pyarrow as pa
import pytest

from dangol.listen.heard import IntakeRow
from dangol.listen.imported import COLUMNS, hear_import, join_lines
from dangol.model.event import Effect
from dangol.model.reason import RejectReason

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
GOOD = {
    "line": 2,
    "key": "0f" * 16,
    "user_id": "u1",
    "email": "",
    "name": "Order Completed",
    "time": dt.datetime(1997, 1, 2, 3, 4, 5, 6, tzinfo=dt.UTC),
    "utc_offset_min": None,
    "props": '{"total": 1.5}',
}


def row_of(*lines: dict) -> IntakeRow:
    table = pa.Table.from_pylist(list(lines), COLUMNS)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, COLUMNS) as writer:
        writer.write_table(table)
    return IntakeRow(1, NOW, "import", "import:1", {}, sink.getvalue().to_pybytes())


def test_a_line_is_the_same_fact_in_columns_and_as_an_object() -> None:
    lines, refused = hear_import(row_of(GOOD))
    assert refused == []
    (heard,) = lines.as_heard()
    assert (heard.user_id, heard.email, heard.effect) == ("u1", None, Effect.HISTORY)
    assert (heard.time, heard.received_at) == (GOOD["time"], NOW)
    assert (heard.props, heard.source) == ({"total": 1.5}, "import:1")
    assert lines.facts.column("props").to_pylist() == [GOOD["props"]]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"key": "0F" * 16}, RejectReason.BAD_VALUE),
        ({"key": None}, RejectReason.BAD_VALUE),
        ({"user_id": None, "email": ""}, RejectReason.NO_IDENTITY),
        ({"user_id": "가" * 501}, RejectReason.TOO_LARGE),
        ({"name": "n" * 201}, RejectReason.TOO_LARGE),
        ({"name": None}, RejectReason.MISSING_VALUE),
        ({"time": None}, RejectReason.MISSING_VALUE),
        ({"user_id": "u\0"}, RejectReason.BAD_TEXT),
        ({"props": '{"a": "\\u0000"}'}, RejectReason.BAD_TEXT),
        ({"props": "[1]"}, RejectReason.BAD_VALUE),
        ({"props": '{"a": '}, RejectReason.BAD_VALUE),
        ({"props": None}, RejectReason.BAD_VALUE),
    ],
)
def test_a_wrong_line_is_refused_alone(wrong: dict, reason: RejectReason) -> None:
    last = GOOD | {"line": 4, "user_id": "가" * 500}
    lines, refused = hear_import(row_of(GOOD, GOOD | wrong | {"line": 3}, last))
    assert lines.facts.column("line").to_pylist() == [2, 4]
    assert [sample.props for sample in lines.samples] == [{"total": 1.5}] * 2
    assert [(one.line, one.reason) for one in refused] == [(3, reason)]


def test_parts_are_joined_in_order() -> None:
    parts = [hear_import(row_of(GOOD | {"line": number}))[0] for number in (1, 2, 3)]
    joined = join_lines(parts)
    assert joined.facts.column("line").to_pylist() == [1, 2, 3]
    assert joined.take([2]).facts.column("line").to_pylist() == [3]
    assert join_lines([]).samples == []

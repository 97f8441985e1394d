"""Rows of an import, read and checked already, as facts of the past: columns, not objects.

An import brings more at once than all senders together, and its reader has made columns of it. They
stay columns up to the database; only what is wrong is looked at line by line.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from dangol.listen.heard import Heard, IntakeRow, Rejected
from dangol.listen.naming import LONGEST_ID, LONGEST_NAME
from dangol.model.event import Effect
from dangol.model.reason import RejectReason

COLUMNS = pa.schema(
    [
        ("line", pa.int64()),
        ("key", pa.string()),
        ("user_id", pa.string()),
        ("email", pa.string()),
        ("name", pa.string()),
        ("time", pa.timestamp("us", "UTC")),
        ("utc_offset_min", pa.int16()),
        ("props", pa.string()),
    ]
)
"""The body of an `import` row is an Arrow IPC stream of these columns; `props` is a JSON object."""

_FACTS = pa.schema([*COLUMNS, ("source", pa.string()), ("received_at", pa.timestamp("us", "UTC"))])
_PROPS = msgspec.json.Decoder(dict)


class Sample(NamedTuple):
    """What the catalogue looks at."""

    name: str
    props: dict[str, Any]
    source: str
    received_at: datetime


class Lines(NamedTuple):
    """Facts of imports that can be stored, all of them history."""

    facts: pa.Table
    """`COLUMNS`, where an absent id is null, with `source` and `received_at`."""
    samples: list[Sample]
    """The same lines as the catalogue looks at them."""

    def take(self, places: Sequence[int]) -> "Lines":
        """The lines at these places."""
        if len(places) == len(self.samples):
            return self
        facts = self.facts.take(pa.array(places, pa.int64()))
        return Lines(facts, [self.samples[at] for at in places])

    def as_heard(self) -> list[Heard]:
        """The same one by one."""
        ids = ("key", "time", "utc_offset_min", "user_id", "email")
        columns = [self.facts.column(name).to_pylist() for name in ids]
        return [
            Heard(
                **dict(zip(ids, line, strict=True)),
                **sample._asdict(),
                effect=Effect.HISTORY,
            )
            for *line, sample in zip(*columns, self.samples, strict=True)
        ]


NO_LINES = Lines(_FACTS.empty_table(), [])


def hear_import(row: IntakeRow) -> tuple[Lines, list[Rejected]]:
    """The lines of one intake row, and those that cannot be stored, refused by number."""
    with pa.ipc.open_stream(row.body) as reader:
        table = reader.read_all().select(COLUMNS.names).cast(COLUMNS)
    is_clean = _find_clean(table)
    props, unread = _read_props(table.column("props"), is_clean)
    if unread:
        is_clean = pa.array(
            [clean and at not in unread for at, clean in enumerate(is_clean.to_pylist())]
        )
    facts, others = table.filter(is_clean), table.filter(pc.invert(is_clean))
    unfit = zip(*(column.to_pylist() for column in others.columns), strict=True)
    refused = [_refuse(line, row) for line in unfit]
    samples = [
        Sample(name, read, row.source, row.received_at)
        for name, read in zip(facts.column("name").to_pylist(), props, strict=True)
    ]
    return Lines(_complete(facts, row), samples), refused


def join_lines(parts: Sequence[Lines]) -> Lines:
    """All lines of `parts` after each other."""
    if not parts:
        return NO_LINES
    return Lines(
        pa.concat_tables([part.facts for part in parts]),
        [sample for part in parts for sample in part.samples],
    )


def _find_clean(table: pa.Table) -> pa.ChunkedArray:
    """Which lines can be stored, as far as their columns tell."""
    key, name, props = (table.column(column) for column in ("key", "name", "props"))
    who = _who(table)
    checks = [
        pc.match_substring_regex(key, "^[0-9a-f]{32}$"),
        pc.less_equal(pc.utf8_length(who), LONGEST_ID),
        pc.less_equal(pc.utf8_length(name), LONGEST_NAME),
        pc.invert(pc.match_substring(props, "\\u0000")),
        pc.is_valid(table.column("time")),
        *(
            pc.invert(pc.match_substring(pc.fill_null(table.column(column), ""), "\0"))
            for column in ("user_id", "email", "name")
        ),
    ]
    found = checks[0]
    for check in checks[1:]:
        found = pc.and_kleene(found, check)
    return pc.fill_null(found, False)


def _who(table: pa.Table) -> pa.ChunkedArray:
    """The id that decides whose a line is; null where there is none."""
    return pc.coalesce(_filled(table.column("user_id")), _filled(table.column("email")))


def _filled(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)


def _read_props(
    column: pa.ChunkedArray, is_clean: pa.ChunkedArray
) -> tuple[list[dict[str, Any]], set[int]]:
    """The properties of the clean lines, and the places of those that are no JSON object."""
    decode = _PROPS.decode
    texts = column.filter(is_clean).to_pylist()
    try:
        return [decode(text) for text in texts], set()
    except (msgspec.MsgspecError, ValueError, RecursionError):
        places = [at for at, clean in enumerate(is_clean.to_pylist()) if clean]
    read, unread = [], set()
    for place, text in zip(places, texts, strict=True):
        try:
            read.append(decode(text))
        except (msgspec.MsgspecError, ValueError, RecursionError):
            unread.add(place)
    return read, unread


def _complete(facts: pa.Table, row: IntakeRow) -> pa.Table:
    """`facts` with nulls for absent ids, and with what holds for the whole intake row."""
    count = facts.num_rows
    for place, name in enumerate(facts.column_names):
        if name in ("user_id", "email"):
            facts = facts.set_column(place, name, _filled(facts.column(name)))
    facts = facts.append_column("source", pa.repeat(pa.scalar(row.source, pa.string()), count))
    at = pa.scalar(row.received_at, pa.timestamp("us", "UTC"))
    return facts.append_column("received_at", pa.repeat(at, count)).cast(_FACTS)


def _refuse(line: tuple, row: IntakeRow) -> Rejected:
    reason, detail = _why(line)
    shown = msgspec.json.encode([str(value) for value in line])
    return Rejected(reason, detail, shown, row.source, line[0])


def _why(line: tuple) -> tuple[RejectReason, str]:
    """What is wrong with a line that `_find_clean` or `_read_props` did not let through."""
    _, key, user_id, email, name, time, _, props = line
    if not user_id and not email:
        return RejectReason.NO_IDENTITY, "It names nobody."
    if len(user_id or email) > LONGEST_ID or len(name or "") > LONGEST_NAME:
        return RejectReason.TOO_LARGE, "The id or the name is too long."
    if "\0" in f"{user_id}{email}{name}" or "\\u0000" in (props or ""):
        return RejectReason.BAD_TEXT, "The text holds a NUL character."
    if name is None or time is None:
        return RejectReason.MISSING_VALUE, "It has no name or no time."
    if key is None or len(key) != 32:
        return RejectReason.BAD_VALUE, "Its key is not 32 hex digits."
    return RejectReason.BAD_VALUE, "Its key is not 32 hex digits, or its properties are no object."

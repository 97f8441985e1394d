"""Rows of an import, read and checked already, as facts of the past."""

import re

import msgspec
import pyarrow as pa

from dangol.listen.heard import Heard, IntakeRow, Parsed, Rejected
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

_KEY = re.compile(r"[0-9a-f]{32}")
_PROPS = msgspec.json.Decoder(dict)


def hear_import(row: IntakeRow) -> Parsed:
    """One fact per line, all of them history; a line that cannot be stored is refused by number."""
    with pa.ipc.open_stream(row.body) as reader:
        table = reader.read_all().select(COLUMNS.names).cast(COLUMNS)
    parsed = Parsed([], [])
    for line in zip(*(column.to_pylist() for column in table.columns), strict=True):
        found = _hear_line(line, row)
        if isinstance(found, Heard):
            parsed.events.append(found)
        else:
            parsed.rejects.append(found)
    return parsed


def _hear_line(line: tuple, row: IntakeRow) -> Heard | Rejected:
    _, key, user_id, email, name, time, offset, props = line
    if not _KEY.fullmatch(key or ""):
        return _refuse(RejectReason.BAD_VALUE, "Its key is not 32 hex digits.", line, row)
    if not user_id and not email:
        return _refuse(RejectReason.NO_IDENTITY, "It names nobody.", line, row)
    if len(user_id or email) > LONGEST_ID or len(name) > LONGEST_NAME:
        return _refuse(RejectReason.TOO_LARGE, "The id or the name is too long.", line, row)
    if "\0" in f"{user_id}{email}{name}" or "\\u0000" in props:
        return _refuse(RejectReason.BAD_TEXT, "The text holds a NUL character.", line, row)
    return Heard(
        key=key,
        name=name,
        time=time,
        received_at=row.received_at,
        utc_offset_min=offset,
        props=_PROPS.decode(props),
        source=row.source,
        user_id=user_id or None,
        email=email or None,
        effect=Effect.HISTORY,
        is_imported=True,
    )


def _refuse(reason: RejectReason, detail: str, line: tuple, row: IntakeRow) -> Rejected:
    shown = msgspec.json.encode([str(value) for value in line])
    return Rejected(reason, detail, shown, row.source, line[0])

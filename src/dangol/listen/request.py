"""The body of a tracking request, split into items without looking inside them.

Fast where the JSON is clean. Where it is not (a lone surrogate, NaN, a number out of range, text
that is not UTF-8), it is read again leniently, so that one bad item does not cost its batch.
"""

import json
import re
from typing import Any

import msgspec

from dangol.errors import InputError
from dangol.listen.heard import Rejected
from dangol.model.reason import RejectReason

MAX_BODY = 4 * 1024 * 1024
"""Bytes of a decoded request; some SDKs fill it, so less would lose their batches."""
MAX_ITEM = 32 * 1024
"""Bytes of one item."""
MAX_ITEMS = 2500
"""Items of one batch."""

_NO_BATCH = 'A batch needs its events in the list "batch".'
_LONGEST_NUMBER = 400
_DEEPEST = 200
_MOST_BRACKETS = 100_000
_OUT_OF_RANGE = "1e999"
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
_BOM = b"\xef\xbb\xbf"


class Envelope(msgspec.Struct, rename="camel", gc=False):
    """A request: its items as raw JSON, and what it states for all of them."""

    batch: list[msgspec.Raw | Rejected]
    write_key: Any = None
    sent_at: Any = None
    context: Any = None


class Summary(msgspec.Struct, frozen=True, gc=False):
    """What must be known of a request before it is kept."""

    write_key: Any
    is_empty: bool
    """Whether it is a batch without items."""


class _Head(msgspec.Struct, rename="camel", gc=False):
    batch: msgspec.Raw | None = None
    write_key: Any = None


class _Batch(msgspec.Struct, rename="camel", gc=False):
    batch: list[msgspec.Raw] | None = None
    write_key: Any = None
    sent_at: Any = None
    context: Any = None


class _Single(msgspec.Struct, rename="camel", gc=False):
    write_key: Any = None
    sent_at: Any = None


_HEAD = msgspec.json.Decoder(_Head)
_BATCH = msgspec.json.Decoder(_Batch)
_SINGLE = msgspec.json.Decoder(_Single)


def check_request(body: bytes, *, is_batch: bool) -> Summary:
    """Whether `body` can be kept; looks at it all but takes nothing apart.

    A batch is not split here: a few bytes per item would become a hundred times as many in memory.

    Raises:
        InputError: as `read_envelope`.
    """
    try:
        if not is_batch:
            return Summary(_SINGLE.decode(body).write_key, False)
        head = _HEAD.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        envelope = _read_leniently(body, is_batch=is_batch)
        return Summary(envelope.write_key, not envelope.batch)
    batch = bytes(head.batch or b"")
    if batch[:1] != b"[":
        raise InputError(_NO_BATCH)
    return Summary(head.write_key, not batch[1:-1].strip())


def read_envelope(body: bytes, *, is_batch: bool) -> Envelope:
    """The items of `body`; a single call is a batch of one.

    Raises:
        InputError: it is no JSON object, or a batch has no list `batch`.
    """
    try:
        if is_batch:
            found = _BATCH.decode(body)
            return _open_batch(found.batch, found)
        single = _SINGLE.decode(body)
        return Envelope([msgspec.Raw(body)], single.write_key, single.sent_at)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _read_leniently(body, is_batch=is_batch)


def _open_batch(items: list[Any] | None, found: _Batch) -> Envelope:
    if items is None:
        raise InputError(_NO_BATCH)
    return Envelope(items, found.write_key, found.sent_at, found.context)


def _read_leniently(body: bytes, *, is_batch: bool) -> Envelope:
    text = body.removeprefix(_BOM).decode("utf-8", "surrogateescape")
    try:
        try:
            found = _load(text)
        except RecursionError:
            found = _load(_without_depths(text))
    except (ValueError, RecursionError) as error:
        raise InputError(f"The body is not JSON: {error}"[:300]) from None
    if not isinstance(found, dict):
        raise InputError("The body must be a JSON object.")
    items = found.get("batch") if is_batch else [found]
    if not isinstance(items, list):
        raise InputError(_NO_BATCH)
    context = found.get("context") if is_batch else None
    return Envelope(
        [_write_again(item) for item in items],
        found.get("writeKey"),
        found.get("sentAt"),
        context,
    )


def _load(text: str) -> Any:
    return json.loads(text, parse_constant=lambda _: None, parse_int=_read_int)


def _read_int(digits: str) -> int | float:
    """A whole number; one with more digits than any sender means becomes infinite, thus refused."""
    return int(digits) if len(digits) <= _LONGEST_NUMBER else float(digits)


def _without_depths(text: str) -> str:
    """`text` with what is nested deeper than anybody reads made a number out of range.

    So the item that holds it is refused, and not its batch. A text of brackets alone stays as it
    is, and is refused as a whole.
    """
    if text.count("[") + text.count("{") > _MOST_BRACKETS:
        return text
    kept, depth, start = [], 0, 0
    for found in _TOKEN.finditer(text):
        token = found[0]
        if token in "[{":
            depth += 1
            if depth == _DEEPEST:
                kept += [text[start : found.start()], _OUT_OF_RANGE]
        elif token in "]}":
            if depth == _DEEPEST:
                start = found.end()
            depth -= 1
    return "".join([*kept, text[start:]]) if depth == 0 else text


def _write_again(item: object) -> msgspec.Raw | Rejected:
    """The item as clean JSON, or why that is impossible."""
    try:
        return msgspec.Raw(json.dumps(item, ensure_ascii=False, allow_nan=False).encode())
    except UnicodeEncodeError:
        shown = json.dumps(item).encode()
        return Rejected(RejectReason.BAD_TEXT, "The text is not valid Unicode.", shown)
    except (ValueError, RecursionError):
        why = "A number is out of range, or values are nested too deep."
        return Rejected(RejectReason.BAD_VALUE, why, repr(item).encode())

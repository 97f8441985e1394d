"""Tracking calls become facts: one list of steps, each of which may refuse the item.

Read `STEPS` first: it is the specification. Whole-request problems were answered by the web
server already; what is wrong with one item refuses that item alone.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any

import msgspec

from dangol.errors import InputError
from dangol.listen.context import keep_context, page_of, person_of
from dangol.listen.heard import Heard, IntakeRow, Parsed, Rejected
from dangol.listen.moment import correct_moment, find_offset, is_ahead, is_history, parse_moment
from dangol.listen.naming import LONGEST_NAME, current_name, is_reserved, read_id
from dangol.listen.request import MAX_ITEM, MAX_ITEMS, Envelope, read_envelope
from dangol.model.address import normalise_email
from dangol.model.event import Effect, EventName
from dangol.model.reason import RejectReason

BATCH_PATHS = frozenset({"/v1/batch", "/v1/import"})
"""Canonical paths whose body is a batch; the others' last part is the type of their one item."""


class Item(msgspec.Struct, rename="camel", gc=False):
    """One call as clients write it; anything may stand anywhere."""

    type: Any = None
    message_id: Any = None
    user_id: Any = None
    anonymous_id: Any = None
    previous_id: Any = None
    group_id: Any = None
    event: Any = None
    name: Any = None
    category: Any = None
    properties: Any = None
    traits: Any = None
    context: Any = None
    timestamp: Any = None
    original_timestamp: Any = None
    sent_at: Any = None


class Call(msgspec.Struct, frozen=True, gc=False):
    """What holds for every item of one request."""

    source: str
    received_at: datetime
    type: str | None
    """From the path of a single call; items of a batch say it themselves."""
    sent_at: datetime | None
    context: dict[str, Any]
    is_import: bool
    ref: str
    """Names the request, for items without a message id."""
    replaced: list[int] = msgspec.field(default_factory=list)
    """Places of items whose own time cannot be right; filled while they are read."""


class Draft(msgspec.Struct, gc=False):
    """A fact in the making: the item, and what the steps found so far."""

    item: Item
    call: Call
    position: int
    type: str = ""
    context: dict[str, Any] = {}
    user_id: str | None = None
    anonymous_id: str | None = None
    email: str | None = None
    previous_id: str | None = None
    name: str = ""
    props: dict[str, Any] = {}
    time: datetime | None = None
    utc_offset_min: int | None = None
    key: str = ""


Step = Callable[[Draft], Rejected | None]
_ITEM = msgspec.json.Decoder(Item)


def hear_track(row: IntakeRow) -> Parsed:
    """The facts and refusals of one tracking request."""
    path = str(row.meta.get("path", ""))
    try:
        envelope = read_envelope(row.body, is_batch=path in BATCH_PATHS)
    except InputError as error:
        refusal = Rejected(RejectReason.INVALID_JSON, str(error), row.body, row.source)
        return Parsed([], [refusal])
    call = _open_call(row, path, envelope)
    parsed = Parsed([], [])
    for position, raw in enumerate(envelope.batch[:MAX_ITEMS]):
        found = raw if isinstance(raw, Rejected) else hear_item(raw, call, position)
        if isinstance(found, Heard):
            parsed.events.append(found)
        else:
            parsed.rejects.append(_signed(found, row.source, raw))
    if call.replaced:
        parsed.rejects.append(_tell_replaced(call, envelope.batch))
    surplus = len(envelope.batch) - MAX_ITEMS
    if surplus > 0:
        detail = f"A batch takes {MAX_ITEMS} events; the last {surplus} of this one were left out."
        parsed.rejects.append(Rejected(RejectReason.TOO_LARGE, detail, b"", row.source))
    return parsed


def hear_item(raw: bytes | msgspec.Raw, call: Call, position: int) -> Heard | Rejected:
    """The fact that one item states, or why it states none."""
    text = bytes(raw)
    if len(text) > MAX_ITEM:
        return _refuse(
            RejectReason.TOO_LARGE, f"It has {len(text)} bytes; an event takes {MAX_ITEM}."
        )
    try:
        item = _ITEM.decode(text)
    except msgspec.ValidationError as error:
        if text.lstrip()[:1] == b"{":
            return _refuse(RejectReason.BAD_VALUE, str(error))
        return _refuse(RejectReason.NOT_AN_OBJECT, "An event must be a JSON object.")
    except UnicodeDecodeError:
        return _refuse(RejectReason.BAD_TEXT, "The text is not valid UTF-8.")
    except (msgspec.DecodeError, RecursionError) as error:
        return _refuse(RejectReason.INVALID_JSON, str(error))
    if b"\\u0000" in text and _holds_nul(msgspec.to_builtins(item)):
        return _refuse(RejectReason.BAD_TEXT, "The text holds a NUL character.")
    draft = Draft(item, call, position)
    for step in STEPS:
        refusal = step(draft)
        if refusal is not None:
            return refusal
    return _finish(draft)


def find_type(draft: Draft) -> Rejected | None:
    """Which call it is: from the path, or in a batch from the item."""
    kind = draft.call.type or draft.item.type
    if not isinstance(kind, str) or kind not in _READERS:
        shown = ", ".join(_READERS)
        return _refuse(RejectReason.UNKNOWN_TYPE, f'"type" must be one of {shown}.')
    draft.type = kind
    return None


def merge_context(draft: Draft) -> Rejected | None:
    """The request's context with the item's own over it."""
    own = draft.item.context
    if isinstance(own, dict):
        draft.context = draft.call.context | own if draft.call.context else own
    else:
        draft.context = draft.call.context
    return None


def find_ids(draft: Draft) -> Rejected | None:
    """The ids as text; null, blank and absent are alike."""
    item = draft.item
    for field, value in (("userId", item.user_id), ("anonymousId", item.anonymous_id)):
        try:
            found = read_id(value)
        except ValueError as error:
            return _refuse(RejectReason.BAD_VALUE, f'"{field}" {error}.')
        if field == "userId":
            draft.user_id = found
        else:
            draft.anonymous_id = found
    return None


def read_content(draft: Draft) -> Rejected | None:
    """The event's name and properties, as the type of call has them."""
    return _READERS[draft.type](draft)


def require_identity(draft: Draft) -> Rejected | None:
    """Somebody must be named: by id, or in an identify call at least by e-mail address."""
    if draft.user_id or draft.anonymous_id:
        return None
    draft.email = normalise_email(_traits_of(draft).get("email"))
    if draft.email is None:
        return _refuse(RejectReason.NO_IDENTITY, 'It needs a "userId" or an "anonymousId".')
    return None


def place_in_time(draft: Draft) -> Rejected | None:
    """When it happened by our clock; without a usable time, when it came.

    A client that sends both times wants `timestamp` kept as it is. A time that is stated but cannot
    be right is no reason to lose the event, but its sender is told.
    """
    item, received = draft.item, draft.call.received_at
    explicit = parse_moment(item.timestamp)
    original = parse_moment(item.original_timestamp) if item.original_timestamp else None
    stated = explicit or original
    if stated is None:
        draft.time = received
        if item.timestamp is not None or item.original_timestamp is not None:
            draft.call.replaced.append(draft.position)
    else:
        both = explicit is not None and original is not None
        own = parse_moment(item.sent_at) if item.sent_at else None
        sent = None if both else own or draft.call.sent_at
        draft.time = correct_moment(stated, sent, received)
        if draft.time == received and is_ahead(stated, received):
            draft.call.replaced.append(draft.position)
    draft.utc_offset_min = find_offset(draft.context.get("timezone"), stated, draft.time)
    return None


def identify_message(draft: Draft) -> Rejected | None:
    """The 128-bit key; an item without a message id is identified by its place in its request."""
    try:
        message = read_id(draft.item.message_id)
    except ValueError as error:
        return _refuse(RejectReason.BAD_VALUE, f'"messageId" {error}.')
    # NUL cannot stand in a sender's id, so our own numbering never meets one of theirs.
    message = message or f"\0{draft.call.ref}:{draft.position}"
    draft.key = blake2b(f"{draft.call.source}\0{message}".encode(), digest_size=16).hexdigest()
    return None


STEPS: Sequence[Step] = (
    find_type,
    merge_context,
    find_ids,
    require_identity,
    read_content,
    place_in_time,
    identify_message,
)


def _finish(draft: Draft) -> Heard:
    received, time = draft.call.received_at, draft.time or draft.call.received_at
    past = draft.call.is_import or is_history(time, received)
    return Heard(
        key=draft.key,
        name=draft.name,
        time=time,
        received_at=received,
        utc_offset_min=draft.utc_offset_min,
        props=draft.props,
        source=draft.call.source,
        user_id=draft.user_id,
        anonymous_id=draft.anonymous_id,
        email=draft.email,
        previous_id=draft.previous_id,
        effect=Effect.HISTORY if past else Effect.LIVE,
    )


def _read_track(draft: Draft) -> Rejected | None:
    name = draft.item.event
    if isinstance(name, int | float) and not isinstance(name, bool):
        name = str(name)
    if not isinstance(name, str) or not name.strip():
        return _refuse(RejectReason.NO_EVENT_NAME, 'A track call needs a name in "event".')
    if len(name) > LONGEST_NAME:
        return _refuse(
            RejectReason.TOO_LARGE, f'"event" must have at most {LONGEST_NAME} characters.'
        )
    if is_reserved(name):
        detail = f'"{name}" is a name for facts that Dangol makes itself; choose another.'
        return _refuse(RejectReason.RESERVED_NAME, detail)
    draft.name = current_name(name.strip())
    return _take_properties(draft, {})


def _read_identify(draft: Draft) -> Rejected | None:
    traits = draft.item.traits
    if traits is not None and not isinstance(traits, dict):
        return _refuse(RejectReason.BAD_VALUE, '"traits" must be an object.')
    draft.name = EventName.PROFILE_UPDATED.value
    draft.props = _traits_of(draft) | person_of(draft.context)
    return None


def _read_page(draft: Draft) -> Rejected | None:
    draft.name = EventName.PAGE_VIEWED.value
    return _take_properties(draft, page_of(draft.context) | _titles(draft.item))


def _read_screen(draft: Draft) -> Rejected | None:
    draft.name = EventName.SCREEN_VIEWED.value
    return _take_properties(draft, _titles(draft.item))


def _read_group(draft: Draft) -> Rejected | None:
    try:
        group = read_id(draft.item.group_id)
    except ValueError as error:
        return _refuse(RejectReason.BAD_VALUE, f'"groupId" {error}.')
    if group is None:
        return _refuse(RejectReason.MISSING_VALUE, 'A group call needs a "groupId".')
    traits = draft.item.traits
    draft.name = EventName.GROUP_JOINED.value
    draft.props = {"group_id": group, "traits": traits if isinstance(traits, dict) else {}}
    return None


def _read_alias(draft: Draft) -> Rejected | None:
    try:
        previous = read_id(draft.item.previous_id)
    except ValueError as error:
        return _refuse(RejectReason.BAD_VALUE, f'"previousId" {error}.')
    previous = previous or draft.anonymous_id
    if draft.user_id is None:
        return _refuse(RejectReason.NO_IDENTITY, 'An alias call needs a "userId".')
    if previous is None:
        return _refuse(RejectReason.NO_PREVIOUS_ID, 'An alias call needs a "previousId".')
    draft.name = EventName.IDENTITY_LINKED.value
    draft.props = {"previous_id": previous, "user_id": draft.user_id}
    # One browser SDK sends both ids alike: that links nothing.
    draft.previous_id = previous if previous != draft.user_id else None
    return None


_READERS: dict[str, Step] = {
    "track": _read_track,
    "identify": _read_identify,
    "page": _read_page,
    "screen": _read_screen,
    "group": _read_group,
    "alias": _read_alias,
}


def _take_properties(draft: Draft, more: dict[str, Any]) -> Rejected | None:
    """The call's properties, over what `more` says, with what is kept of the context."""
    given = draft.item.properties
    if given is not None and not isinstance(given, dict):
        return _refuse(RejectReason.BAD_VALUE, '"properties" must be an object.')
    kept = keep_context(draft.context) if draft.context else None
    props = {**more, **given} if given else more
    if kept and "context" not in props:
        props["context"] = kept
    draft.props = props
    return None


def _titles(item: Item) -> dict[str, Any]:
    named = {"name": item.name, "category": item.category}
    return {field: value for field, value in named.items() if value not in (None, "")}


def _traits_of(draft: Draft) -> dict[str, Any]:
    """Stated traits: some clients put them beside, some into the context."""
    stated = draft.item.traits
    if stated is None:
        stated = draft.context.get("traits")
    return stated if isinstance(stated, dict) else {}


def _open_call(row: IntakeRow, path: str, envelope: Envelope) -> Call:
    return Call(
        source=row.source,
        received_at=row.received_at,
        type=None if path in BATCH_PATHS else path.rpartition("/")[2],
        sent_at=parse_moment(envelope.sent_at or row.meta.get("sent_at")),
        context=envelope.context if isinstance(envelope.context, dict) else {},
        is_import=path == "/v1/import",
        ref=str(row.id),
    )


def _refuse(reason: RejectReason, detail: str) -> Rejected:
    return Rejected(reason, detail)


def _tell_replaced(call: Call, items: Sequence[bytes | msgspec.Raw | Rejected]) -> Rejected:
    """One line for the whole request: a client with a broken clock sends nothing else."""
    first, count = items[call.replaced[0]], len(call.replaced)
    detail = (
        f'Kept, with the time of arrival: {count} of {len(items)} have a "timestamp" that is no '
        "date, before 1900, or more than a day ahead. This is the first."
    )
    return _signed(_refuse(RejectReason.TIME_REPLACED, detail), call.source, first)


def _signed(refusal: Rejected, source: str, raw: object) -> Rejected:
    item = refusal.item or (bytes(raw) if isinstance(raw, msgspec.Raw) else b"")
    return msgspec.structs.replace(refusal, source=source, item=item)


def _holds_nul(value: object) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_holds_nul(key) or _holds_nul(part) for key, part in value.items())
    return isinstance(value, list) and any(map(_holds_nul, value))

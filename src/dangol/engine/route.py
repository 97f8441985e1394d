"""Route: what arrived becomes events of customers. Each call is one transaction over one batch.

claim intake rows → read them → drop what was heard before → find or make the customers →
`inbox`, rejects, catalogue → delete the intake rows → commit. Whatever is killed in between,
the rows are still there or everything is done. Nothing that a sender writes can stop the
queue: what cannot be read or stored is refused with a reason, and the rest goes on.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime

import msgspec
import psycopg
from psycopg import errors

from dangol.engine.inbox import enter_inbox
from dangol.engine.kinship import follow_merges, own_facts
from dangol.engine.lines import fresh_lines, write_lines
from dangol.know.identity.plan import Claim, Node
from dangol.know.identity.resolve import Span, resolve
from dangol.listen.catalogue import save_survey, survey
from dangol.listen.heard import Heard, IntakeRow, Parsed, Rejected
from dangol.listen.imported import Lines, hear_import, join_lines
from dangol.listen.ledger import drop_old_weeks, open_week, remember
from dangol.listen.refuse import save_rejects
from dangol.listen.system import hear_system
from dangol.listen.track import hear_track
from dangol.model.customer import bucket_of
from dangol.model.reason import RejectReason
from dangol.store.sql import load_queries

_SQL = load_queries("dangol.listen")

MOST_BYTES = 6 * 1024 * 1024
"""Bytes of intake that one transaction takes; bounds its memory and its length."""

_ATTEMPTS = 5
_TRY_AGAIN = (errors.DeadlockDetected, errors.SerializationFailure)
_POISON = (
    *(psycopg.DataError, psycopg.IntegrityError, errors.ProgramLimitExceeded),
    *(ValueError, OverflowError, RecursionError),
)
"""Faults of a value: of the database's making, or found while encoding it."""
_PURE: dict[str, Callable[[IntakeRow], Parsed]] = {
    "track": hear_track,
    "system": hear_system,
}

Hearer = Callable[[psycopg.Connection, Sequence[IntakeRow], datetime], Parsed]
"""Reads rows of one kind inside the routing transaction; what it writes commits with them."""


class RouteResult(msgspec.Struct, frozen=True):
    """What one call did."""

    rows: int = 0
    events: int = 0
    duplicates: int = 0
    rejects: int = 0
    waiting: bool = False
    """Whether more waits: call again at once."""


def route_once(
    conn: psycopg.Connection, hearers: Mapping[str, Hearer], now: datetime, *, limit: int = 200
) -> RouteResult:
    """Take up to `limit` intake rows through, in one transaction of its own.

    `hearers` read the kinds that are not read here (`hit`, `mail`, `form`); rows of a kind that
    nobody reads stay. Any number of workers may call this at once. `conn` is in no transaction.
    """
    for attempt in range(_ATTEMPTS):
        try:
            with conn.transaction():
                result, new_week = _route(conn, hearers, now, limit)
            if new_week is not None:
                drop_old_weeks(conn, new_week)
            return result
        except _TRY_AGAIN:
            if attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


def _route(
    conn: psycopg.Connection, hearers: Mapping[str, Hearer], now: datetime, limit: int
) -> tuple[RouteResult, date | None]:
    kinds = [*_PURE, "import", *hearers]
    args = {"kinds": kinds, "limit": limit, "bytes": MOST_BYTES}
    rows = [IntakeRow(*row) for row in conn.execute(_SQL.claim_intake, args, binary=True)]
    if not rows:
        return RouteResult(), None
    imports = [row for row in rows if row.kind == "import"]
    lines, unread = _hear_imports(imports)
    parsed = _hear(conn, [row for row in rows if row.kind != "import"], hearers, now)
    week, is_new_week = open_week(conn, now.date())
    events, fresh = _fresh(conn, parsed.events, week), fresh_lines(conn, lines)
    refused = _apply(conn, events, now) + _apply_lines(conn, fresh, now)
    rejects = unread + parsed.rejects + refused
    save_rejects(conn, rejects, now)
    conn.execute(_SQL.delete_intake, {"ids": [row.id for row in rows]})
    conn.execute("notify inbox")
    waits = conn.execute(_SQL.waits, {"after": rows[-1].id, "kinds": kinds}).fetchone()
    result = RouteResult(
        rows=len(rows),
        events=len(events) + len(fresh.samples) - len(refused),
        duplicates=len(parsed.events) - len(events) + len(lines.samples) - len(fresh.samples),
        rejects=len(rejects),
        waiting=waits[0],
    )
    return result, week if is_new_week else None


# -- reading ---------------------------------------------------------------------------------


def _hear(
    conn: psycopg.Connection,
    rows: Sequence[IntakeRow],
    hearers: Mapping[str, Hearer],
    now: datetime,
) -> Parsed:
    """Every item of `rows` as a fact or a refusal, in the order of arrival within a kind."""
    events: list[Heard] = []
    rejects: list[Rejected] = []
    others: dict[str, list[IntakeRow]] = {}
    for row in rows:
        if row.kind in _PURE:
            parsed = _hear_one(row)
            events += parsed.events
            rejects += parsed.rejects
        else:
            others.setdefault(row.kind, []).append(row)
    for kind, group in others.items():
        parsed = _hear_with(conn, hearers[kind], group, now)
        events += parsed.events
        rejects += parsed.rejects
    return Parsed(events, rejects)


def _hear_imports(rows: Sequence[IntakeRow]) -> tuple[Lines, list[Rejected]]:
    parts: list[Lines] = []
    rejects: list[Rejected] = []
    for row in rows:
        try:
            lines, refused = hear_import(row)
        except Exception as error:  # a defect of ours must not stop the queue
            rejects.append(_unreadable(row, error))
        else:
            parts.append(lines)
            rejects += refused
    return join_lines(parts), rejects


def _hear_one(row: IntakeRow) -> Parsed:
    try:
        return _PURE[row.kind](row)
    except Exception as error:  # a defect of ours must not stop the queue
        return Parsed([], [_unreadable(row, error)])


def _hear_with(
    conn: psycopg.Connection, hearer: Hearer, rows: Sequence[IntakeRow], now: datetime
) -> Parsed:
    """All rows at once; if that breaks, one by one, so that only the broken one is refused."""
    try:
        with conn.transaction():
            return hearer(conn, rows, now)
    except psycopg.OperationalError:
        raise
    except Exception as error:
        if len(rows) == 1:
            return Parsed([], [_unreadable(rows[0], error)])
    each = [_hear_with(conn, hearer, [row], now) for row in rows]
    return Parsed(
        [event for parsed in each for event in parsed.events],
        [reject for parsed in each for reject in parsed.rejects],
    )


def _unreadable(row: IntakeRow, error: Exception) -> Rejected:
    reason = RejectReason.UNREADABLE_MAIL if row.kind == "mail" else RejectReason.BAD_VALUE
    detail = f"It could not be read ({type(error).__name__}: {error})"[:500]
    return Rejected(reason, detail, row.body[:4096], row.source)


def _fresh(conn: psycopg.Connection, events: Sequence[Heard], week: date) -> list[Heard]:
    """Each event once: not those heard before, nor a second copy in the same batch."""
    fresh = remember(conn, {event.key for event in events}, week)
    kept = []
    for event in events:
        if event.key in fresh:
            fresh.discard(event.key)
            kept.append(event)
    return kept


# -- applying --------------------------------------------------------------------------------


def _apply(conn: psycopg.Connection, events: Sequence[Heard], now: datetime) -> list[Rejected]:
    """Write the events down; what the database refuses is searched for by halves and refused."""
    if not events:
        return []
    try:
        with conn.transaction():
            return _write(conn, events, now)
    except _POISON as error:
        if len(events) == 1:
            detail = f"It cannot be stored: {str(error).splitlines()[0]}"[:500]
            return [_refuse(events[0], RejectReason.BAD_VALUE, detail)]
    half = len(events) // 2
    return _apply(conn, events[:half], now) + _apply(conn, events[half:], now)


def _apply_lines(conn: psycopg.Connection, lines: Lines, now: datetime) -> list[Rejected]:
    """The same for lines of imports: all at once, and the slow way when that fails."""
    if not lines.samples:
        return []
    try:
        with conn.transaction():
            write_lines(conn, lines, now)
            return []
    except _POISON:
        return _apply(conn, lines.as_heard(), now)


def _write(conn: psycopg.Connection, events: Sequence[Heard], now: datetime) -> list[Rejected]:
    claims = [_claim(event) for event in events]
    nodes = [claim and claim.node for claim in claims]
    resolved = resolve(conn, filter(None, claims), _spans(events, nodes), now)
    moved = _moved(conn, events)
    kept, customers, refused = [], [], []
    for event, node in zip(events, nodes, strict=True):
        owner = (
            resolved.customers[node] if node else moved.get(event.customer_id, event.customer_id)
        )
        if owner is None:
            detail = "The customer it is about was erased."
            refused.append(_refuse(event, RejectReason.ERASED, detail))
        else:
            kept.append(event)
            customers.append(owner)
    enter_inbox(conn, kept, customers, own_facts(resolved), now)
    follow_merges(conn, resolved, now)
    save_survey(conn, survey(kept), now)
    return refused


def _claim(event: Heard) -> Claim | None:
    """Whose the event says it is; None where the customer is given."""
    if event.customer_id is not None:
        return None
    return Claim(event.user_id, event.anonymous_id, event.email, event.previous_id)


def _spans(events: Sequence[Heard], nodes: Sequence[Node | None]) -> dict[Node, Span]:
    """When each of the people, by the id that decides, was first and last heard of."""
    first: dict[Node, datetime] = {}
    last: dict[Node, datetime] = {}
    for event, node in zip(events, nodes, strict=True):
        if node is not None:
            time = event.time
            if time < first.setdefault(node, time):
                first[node] = time
            if time > last.setdefault(node, time):
                last[node] = time
    return {node: Span(first[node], last[node]) for node in first}


def _moved(conn: psycopg.Connection, events: Sequence[Heard]) -> dict[int, int | None]:
    """For customers that facts of our own name: who they are now, None when erased."""
    ids = list({event.customer_id for event in events if event.customer_id is not None})
    if not ids:
        return {}
    args = {"ids": ids, "buckets": [bucket_of(customer_id) for customer_id in ids]}
    rows = conn.execute(_SQL.find_gone, args).fetchall()
    return {customer_id: winner for customer_id, winner, _ in rows}


def _refuse(event: Heard, reason: RejectReason, detail: str) -> Rejected:
    shown = repr(msgspec.structs.asdict(event)).encode("utf-8", "replace")
    return Rejected(reason, detail, shown, event.source)

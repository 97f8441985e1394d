"""Route for lines of imports: columns from intake to inbox, with no object per line."""

from datetime import UTC, datetime, timedelta

import psycopg
import pyarrow as pa
import pyarrow.compute as pc

from dangol.engine.inbox import enter_inbox
from dangol.engine.kinship import follow_merges, own_facts
from dangol.know.identity.plan import Claim, Node
from dangol.know.identity.resolve import Span, resolve
from dangol.listen.catalogue import save_survey, survey
from dangol.listen.imported import Lines
from dangol.listen.ledger import remember_imported
from dangol.model.customer import BUCKETS
from dangol.model.event import Cause, Effect
from dangol.store.bulk import copy_arrow

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def fresh_lines(conn: psycopg.Connection, lines: Lines) -> Lines:
    """Each line once: not those that an import brought before, nor a second copy in the batch."""
    keys = lines.facts.column("key").to_pylist()
    fresh = remember_imported(conn, set(keys))
    places = []
    for place, key in enumerate(keys):
        if key in fresh:
            fresh.discard(key)
            places.append(place)
    return lines.take(places)


def write_lines(conn: psycopg.Connection, lines: Lines, now: datetime) -> None:
    """Find or make the customers, and put the facts into the inbox; in the caller's transaction."""
    facts = lines.facts.combine_chunks()
    claims, whose = _claims(facts)
    resolved = resolve(conn, claims, _spans(claims, whose, facts.column("time")), now)
    owners = pa.array([resolved.customers[claim.node] for claim in claims], pa.int64())
    copy_arrow(conn, "inbox", _inbox(facts, owners.take(whose)))
    enter_inbox(conn, [], [], own_facts(resolved), now)
    follow_merges(conn, resolved, now)
    save_survey(conn, survey(lines.samples), now)


def _claims(facts: pa.Table) -> tuple[list[Claim], pa.Array]:
    """The people of a batch, each once, and for every line which of them it is about."""
    user, email = facts.column("user_id"), facts.column("email")
    kind = pc.if_else(pc.is_valid(user), "u", "e")
    named = pc.binary_join_element_wise(kind, pc.coalesce(user, email), "")
    people = named.combine_chunks().dictionary_encode()
    claims = [
        Claim(user=name[1:]) if name[0] == "u" else Claim(email=name[1:])
        for name in people.dictionary.to_pylist()
    ]
    return claims, people.indices


def _spans(claims: list[Claim], whose: pa.Array, times: pa.ChunkedArray) -> dict[Node, Span]:
    """When each of the people was first and last heard of."""
    heard = pa.table({"who": whose, "at": times.cast(pa.int64())}).group_by("who")
    found = heard.aggregate([("at", "min"), ("at", "max")])
    columns = [found.column(name).to_pylist() for name in ("who", "at_min", "at_max")]
    return {
        claims[who].node: Span(_moment(first), _moment(last))
        for who, first, last in zip(*columns, strict=True)
    }


def _moment(micros: int) -> datetime:
    """The instant; Arrow's own conversion looks up the zone for each value."""
    return _EPOCH + timedelta(microseconds=micros)


def _inbox(facts: pa.Table, owners: pa.Array) -> pa.Table:
    """The columns of `inbox`."""
    bucket = pc.bit_wise_and(owners, BUCKETS - 1).cast(pa.int32())
    taken = ("name", "time", "received_at", "utc_offset_min", "props", "source")
    return pa.table(
        {
            "bucket": bucket,
            "customer_id": owners,
            "event_id": facts.column("key"),
            **{name: facts.column(name) for name in taken},
            "effect": pa.repeat(pa.scalar(str(Effect.HISTORY)), len(owners)),
            "cause": pa.repeat(pa.scalar(str(Cause.BEHAVIOUR)), len(owners)),
        }
    )

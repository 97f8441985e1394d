"""Opens and clicks become events: Route's reader of intake rows of kind `hit`."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
import psycopg

from dangol.listen.heard import Heard, IntakeRow, Parsed, Rejected
from dangol.listen.moment import is_history
from dangol.model.event import Effect
from dangol.model.reason import RejectReason
from dangol.speak.links.hits import Hit, MachineReason, judge, read_hits
from dangol.speak.links.service import find_clicks_before, find_handed, find_sends, find_urls
from dangol.store.journal import Journal
from dangol.store.keyring import Keyring

Hearer = Callable[[psycopg.Connection, Sequence[IntakeRow], datetime], Parsed]


def make_hearer(keyring: Keyring, journal: Journal) -> Hearer:
    """The reader of hits; it needs neither the keyring nor the journal."""
    return hear_hits


def hear_hits(conn: psycopg.Connection, rows: Sequence[IntakeRow], now: datetime) -> Parsed:
    """`Message Opened` and `Message Clicked` events; hits on previews and tests are nobody's."""
    received, rejects = _read(rows)
    sends = find_sends(conn, {hit.send_id for hit, _ in received})
    counted = [
        (hit, at) for hit, at in received if hit.customer_id and sends.get(hit.send_id) != "test"
    ]
    hits = [hit for hit, _ in counted]
    handed = find_handed(conn, (hit.message for hit in hits))
    links = [(hit.send_id, hit.link) for hit in hits if hit.link]
    reasons = judge(hits, handed, find_clicks_before(conn, hits))
    urls = find_urls(conn, links)
    events = [
        _as_heard(hit, at, reason, urls) for (hit, at), reason in zip(counted, reasons, strict=True)
    ]
    return Parsed(events, rejects)


def _read(rows: Sequence[IntakeRow]) -> tuple[list[tuple[Hit, datetime]], list[Rejected]]:
    received: list[tuple[Hit, datetime]] = []
    rejects: list[Rejected] = []
    for row in rows:
        try:
            received += [(hit, row.received_at) for hit in read_hits(row.body)]
        except msgspec.DecodeError as error:
            rejects.append(Rejected(RejectReason.INVALID_JSON, str(error), row.body, row.source))
    return received, rejects


def _as_heard(
    hit: Hit,
    received_at: datetime,
    reason: MachineReason | None,
    urls: Mapping[tuple[int, int], str],
) -> Heard:
    props: dict[str, Any] = {"send_id": hit.send_id, "machine": reason is not None}
    if reason is not None:
        props["machine_reason"] = reason
    if hit.link:
        props |= {"link": hit.link, "url": urls.get((hit.send_id, hit.link), "")}
    return Heard(
        key=hit.key,
        name=hit.name,
        time=hit.at,
        received_at=received_at,
        props=props,
        source="dangol",
        customer_id=hit.customer_id,
        effect=Effect.HISTORY if is_history(hit.at, received_at) else Effect.LIVE,
        origin=f"send:{hit.send_id}",
    )

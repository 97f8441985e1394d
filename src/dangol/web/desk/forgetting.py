"""Forgetting a person for good, with a certificate; and everything we know of one, as a file."""

from collections.abc import Iterator
from typing import Any

import msgspec

from dangol.converse.thread import get_thread, list_threads
from dangol.errors import NotFound
from dangol.know import consent
from dangol.know.erasure.service import get_erasure, list_erasures, request_erasure
from dangol.know.profile.service import Profile, get_profile
from dangol.web.answer import Answer, Download, Move, Page
from dangol.web.desk import past
from dangol.web.desk.listing import paged
from dangol.web.query import ask
from dangol.web.visit import Visit

_JSON = "application/json; charset=utf-8"
_PAGE = 500


def show(visit: Visit) -> Answer:
    """What forgetting means, and the number to type."""
    return _page(visit, _living(visit))


def forget(visit: Visit) -> Answer:
    """Begin; nothing that waits for this person is sent from now on."""
    profile = _living(visit)
    typed = visit.form("number").replace(",", "").replace(" ", "")
    if typed != str(profile.customer_id):
        return _page(visit, profile, visit.t("forget.other_number"))
    erasure = request_erasure(visit.conn, profile.customer_id, visit.by, visit.now)
    visit.record("erasure_requested", profile.customer_id)
    return Move(f"/erasures/{erasure}", "forget.begun")


def show_list(visit: Visit) -> Answer:
    """Every request, latest first."""
    page = paged(visit, list_erasures(visit.conn), "/erasures", {})
    return Page("desk/erasures.html", {"page": page})


def show_erasure(visit: Visit) -> Answer:
    """How far one request is, and its certificate."""
    return Page("desk/erasure.html", {"erasure": get_erasure(visit.conn, visit.id())})


def download_certificate(visit: Visit) -> Answer:
    """The certificate as JSON; it names nobody."""
    erasure = get_erasure(visit.conn, visit.id())
    if erasure.certificate is None:
        raise NotFound()
    return Download(_json(erasure.certificate), f"erasure-{erasure.id}.json", _JSON)


def download_everything(visit: Visit) -> Answer:
    """All that is kept of one person, as JSON: what they may ask for."""
    profile = _living(visit)
    customer_id = profile.customer_id
    found = {
        "exported_at": visit.now,
        "profile": profile,
        "consent": consent.get_standing(visit.conn, customer_id),
        "consent_changes": consent.list_ledger(visit.conn, customer_id),
        "conversations": [
            get_thread(visit.conn, customer_id, row.id)
            for row in list_threads(visit.conn, customer_id)
        ],
        "messages": past.messages_of(visit, customer_id, 100_000),
        "events": list(_events(visit, customer_id)),
    }
    visit.record("customer_exported", customer_id)
    return Download(_json(found), f"customer-{customer_id}.json", _JSON)


def _events(visit: Visit, customer_id: int) -> Iterator[dict[str, Any]]:
    """The whole timeline, latest first; an answer that fails fails the file."""
    before = None
    while True:
        asked = {"customer_id": customer_id, "before": before, "limit": _PAGE}
        found = ask(visit.settings, "timeline", asked, timeout_s=60)
        yield from found["entries"]
        before = found["next"]
        if before is None:
            return


def _living(visit: Visit) -> Profile:
    profile = get_profile(visit.conn, visit.number("id"))
    if profile.erased_at is not None:
        raise NotFound()
    return profile


def _page(visit: Visit, profile: Profile, problem: str = "") -> Page:
    values = {"profile": profile, "problem": problem}
    return Page("desk/forget.html", values, 422 if problem else 200)


def _json(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value, enc_hook=_plain), indent=2)


def _plain(value: object) -> object:
    return value.hex() if isinstance(value, bytes | memoryview) else str(value)

"""Fans: who brings friends, writes reviews, helps others; the segment that the owner defines."""

from dangol.know import segment
from dangol.know.giving.fans import find_fans
from dangol.know.segment import service
from dangol.web.answer import Answer, Page
from dangol.web.desk.listing import Figure
from dangol.web.query import QueryFailed, ask
from dangol.web.visit import Visit

_SHOWN = 6
_WAIT_S = 30.0


def show_part(visit: Visit) -> Answer:
    """The part of the first page that names them; empty while there are none."""
    values = {"fans": [], "count": Figure(0, "/segments")}
    found_id = find_fans(visit.conn)
    if found_id is not None:
        kept = service.get_segment(visit.conn, found_id)
        asked = {"condition": segment.to_json(kept.definition), "limit": _SHOWN}
        try:
            found = ask(visit.settings, "people", asked, timeout_s=_WAIT_S, is_batch=True)
        except QueryFailed:
            return Page("desk/fans.html", values)
        count = Figure(found["people"], f"/segments/{kept.id}/people")
        values = {"fans": found["page"], "count": count}
    return Page("desk/fans.html", values)

"""The people behind numbers that only history can tell: asked of the query worker, page by page."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from dangol.decide.campaign import service
from dangol.decide.campaign.model import AT_HOUR
from dangol.errors import InputError, NotFound
from dangol.model.reason import SilentReason
from dangol.web.answer import Answer, Download, Page
from dangol.web.desk.listing import CSV_ROWS, PAGE, KeysetPage, csv_file
from dangol.web.query import ask
from dangol.web.visit import Visit

_WAIT_S = 60.0
_BATCH = 1000
_HEADER = ("customer_id", "name", "email")

Asking = Callable[[int, int], dict[str, Any]]
"""(after this customer, how many) -> {"people": n, "page": [...]}"""


def show_group(visit: Visit) -> Answer:
    """Before the launch: who would get a campaign, or would not for one reason."""
    campaign = service.get_campaign(visit.conn, visit.id())
    group = _group(visit)
    path = f"/campaigns/{campaign.id}/audience"
    head = (_title(visit, group), f"/campaigns/{campaign.id}", campaign.name)
    return people_page(visit, _of_campaign(visit), path, {"group": group}, head)


def _title(visit: Visit, group: str) -> str:
    if group.startswith(AT_HOUR):
        return visit.t("campaign.at_hour", hour=int(group.removeprefix(AT_HOUR)))
    return visit.t(f"campaign.{group}" if group in ("reached", "waiting") else f"silent.{group}")


def download_group(visit: Visit) -> Answer:
    """The same as CSV."""
    _group(visit)
    return people_file(_of_campaign(visit))


def show_meant(visit: Visit) -> Answer:
    """Whom a condition means that is not kept as a segment."""
    query = {"condition": visit.query("condition")}
    head = (visit.t("segment.people_now"), "/segments", visit.t("nav.segments"))
    return people_page(visit, _meant(visit), "/segments/people", query, head)


def download_meant(visit: Visit) -> Answer:
    """The same as CSV."""
    return people_file(_meant(visit))


def people_page(
    visit: Visit, asking: Asking, path: str, query: dict[str, str], head: tuple[str, str, str]
) -> Page:
    """One page of the list; `head` is its title, and where it hangs: address and words."""
    text = visit.query("from")
    after = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
    found = asking(after, PAGE)
    rows = found["page"]
    following = str(rows[-1]["customer_id"]) if len(rows) == PAGE else ""
    page = KeysetPage(rows, found["people"], path, following, query, is_first=not after)
    return Page("desk/audience.html", {"page": page, "head": head})


def people_file(asking: Asking) -> Download:
    """Everyone of the list."""
    rows = ((row["customer_id"], row["name"], row["email"]) for row in _everyone(asking))
    return csv_file("people.csv", _HEADER, rows)


def _everyone(asking: Asking) -> Iterator[dict[str, Any]]:
    after = 0
    for _ in range(CSV_ROWS // _BATCH):
        rows = asking(after, _BATCH)["page"]
        yield from rows
        if len(rows) < _BATCH:
            return
        after = rows[-1]["customer_id"]


def _group(visit: Visit) -> str:
    group = visit.query("group")
    hours = {f"{AT_HOUR}{hour}" for hour in range(24)}
    if group not in {"reached", "waiting", *hours, *(reason.value for reason in SilentReason)}:
        raise NotFound()
    return group


def _of_campaign(visit: Visit) -> Asking:
    values = {"campaign_id": str(visit.id()), "group": visit.query("group")}
    return asking(visit, "campaign_people", values)


def _meant(visit: Visit) -> Asking:
    try:
        condition = json.loads(visit.query("condition"))
    except (ValueError, RecursionError):
        raise InputError() from None
    return asking(visit, "people", {"condition": condition})


def asking(visit: Visit, kind: str, values: dict[str, Any]) -> Asking:
    def answer(after: int, limit: int) -> dict[str, Any]:
        page = {"after": after, "limit": limit}
        return ask(visit.settings, kind, values | page, timeout_s=_WAIT_S)

    return answer

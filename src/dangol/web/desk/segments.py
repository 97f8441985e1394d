"""Segments: the list with sizes, the builder with a live count, and the people of each."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import msgspec

from dangol.errors import InputError
from dangol.know import segment
from dangol.know.segment import service
from dangol.know.segment.check import Catalogue
from dangol.know.segment.store import Segment, load_catalogue
from dangol.model.consent import ConsentState
from dangol.model.stage import Stage
from dangol.web.answer import Answer, Move, Page
from dangol.web.desk.listing import CSV_ROWS, PAGE, Figure, KeysetPage, csv_file, list_url, paged
from dangol.web.desk.segment_form import (
    COUNT_OPS,
    KINDS,
    OPS,
    Sheet,
    act,
    from_condition,
    read_sheet,
    to_definition,
)
from dangol.web.query import QueryFailed, ask
from dangol.web.visit import Visit

_WAIT_S = 20.0
_NOTED = ("Page Viewed", "Order Completed")


def show_list(visit: Visit) -> Answer:
    """Every segment with its sentence and its size."""
    rows = _found(visit)
    counts = _counts(visit, [row.id for row in rows])
    values = {
        "page": paged(visit, rows, "/segments", {"q": visit.query("q").strip()}),
        "q": visit.query("q").strip(),
        "counts": counts,
        "sentences": _sentences(visit, rows),
    }
    return Page("desk/segments.html", values)


def download(visit: Visit) -> Answer:
    """The list as CSV."""
    rows = _found(visit)
    counts = _counts(visit, [row.id for row in rows])
    said = _sentences(visit, rows)
    lines = ((row.name, said[row.id], counts.get(str(row.id))) for row in rows)
    return csv_file("segments.csv", ("name", "who", "people"), lines)


def begin(visit: Visit) -> Answer:
    """The builder for a new segment; with `?as=text` a field for the condition itself."""
    return _builder(visit, None, "", None if _is_text(visit) else Sheet([]))


def show(visit: Visit) -> Answer:
    """The builder with a kept segment."""
    kept = service.get_segment(visit.conn, visit.id())
    sheet = None if _is_text(visit) else from_condition(kept.definition)
    return _builder(visit, kept, kept.name, sheet)


def create(visit: Visit) -> Answer:
    """Keep a new segment, or do one thing to the rows."""
    return _save(visit, None)


def save(visit: Visit) -> Answer:
    """Keep the next version, or do one thing to the rows."""
    return _save(visit, service.get_segment(visit.conn, visit.id()))


def archive(visit: Visit) -> Answer:
    """Take it out of the list; refused while something uses it."""
    kept = service.get_segment(visit.conn, visit.id())
    service.archive_segment(visit.conn, kept.id, kept.version, visit.by, visit.now)
    visit.record("segment_archived", kept.name)
    return Move("/segments", "segment.archived")


def preview(visit: Visit) -> Answer:
    """How many people the rows mean, as a part of the page."""
    try:
        definition = _given(visit, load_catalogue(visit.conn))
        found = ask(
            visit.settings, "preview", {"condition": definition, "sample": 6}, timeout_s=_WAIT_S
        )
        text = json.dumps(definition, ensure_ascii=False, separators=(",", ":"))
        everyone = Figure(found["people"], list_url("/segments/people", {"condition": text}))
        values = {"found": found, "everyone": everyone, "problem": ""}
    except (QueryFailed, InputError) as error:
        values = {"found": None, "problem": visit.say(error)}
    return Page("desk/segment_count.html", values)


def show_people(visit: Visit) -> Answer:
    """Who is in a segment right now."""
    kept = service.get_segment(visit.conn, visit.id())
    after = _after(visit)
    found = _people(visit, kept, after, PAGE)
    path = f"/segments/{kept.id}/people"
    values = {"kept": kept, "found": found, "page": _people_page(found, after, path)}
    return Page("desk/segment_people.html", values)


def download_people(visit: Visit) -> Answer:
    """Everyone of a segment as CSV."""
    kept = service.get_segment(visit.conn, visit.id())
    rows = ((row["customer_id"], row["name"], row["email"]) for row in _everyone(visit, kept))
    return csv_file("segment.csv", ("customer_id", "name", "email"), rows)


def _save(visit: Visit, kept: Segment | None) -> Answer:
    catalogue = load_catalogue(visit.conn)
    sheet = read_sheet(visit.given.form)
    action = visit.form("do", "save")
    if action != "save":
        return _builder(visit, kept, visit.form("name"), act(sheet, action))
    try:
        definition = _given(visit, catalogue, kept)
        saved = _keep(visit, kept, definition)
    except InputError as error:
        shown = None if visit.form("fixed") else sheet
        return _builder(visit, kept, visit.form("name"), shown, visit.say(error))
    visit.record("segment_saved", saved.name, version=saved.version)
    return Move(f"/segments/{saved.id}", "segment.saved")


def _is_text(visit: Visit) -> bool:
    return visit.query("as") == "text"


def _given(visit: Visit, catalogue: Catalogue, kept: Segment | None = None) -> dict[str, Any]:
    """The condition that the form says, in rows or as text; without either, the one that is kept.

    Raises:
        ConditionProblem: the text is no condition.
    """
    if not visit.form("fixed"):
        return to_definition(read_sheet(visit.given.form), catalogue)
    text = visit.form("condition").strip()
    if not text and kept is not None:
        return segment.to_json(kept.definition)
    return segment.to_json(segment.parse_json(text))


def _text(visit: Visit, kept: Segment | None) -> str:
    """What stands in the field: what was typed, else what is kept."""
    typed = visit.form("condition")
    if typed or kept is None:
        return typed
    return json.dumps(segment.to_json(kept.definition), ensure_ascii=False, indent=2)


def _keep(visit: Visit, kept: Segment | None, definition: dict[str, Any]) -> Segment:
    name = visit.form("name")
    if kept is None:
        return service.create_segment(visit.conn, name, definition, visit.by, visit.now).segment
    version = visit.form("version")
    seen = msgspec.structs.replace(kept, version=int(version) if version.isdecimal() else 0)
    return service.edit_segment(visit.conn, seen, name, definition, visit.by, visit.now).segment


def _builder(
    visit: Visit, kept: Segment | None, name: str, sheet: Sheet | None, problem: str = ""
) -> Page:
    catalogue = load_catalogue(visit.conn)
    others = [row for row in service.list_segments(visit.conn) if not kept or row.id != kept.id]
    version = visit.form("version") or (str(kept.version) if kept else "0")
    values = {
        "kept": kept,
        "name": name,
        "version": version,
        "sheet": sheet,
        "text": _text(visit, kept) if sheet is None else "",
        "problem": problem,
        "kinds": KINDS,
        "ops": OPS,
        "count_ops": COUNT_OPS,
        "stages": [stage.value for stage in Stage],
        "consents": [state.value for state in ConsentState],
        "others": others,
        "sentence": _sentences(visit, [kept])[kept.id] if kept else "",
        **_names(catalogue),
    }
    return Page("desk/segment.html", values, 422 if problem else 200)


def _names(catalogue: Catalogue) -> dict[str, Any]:
    """What has been heard of, for the selects; the shop's own names first."""
    events = sorted(
        catalogue.events | {"Order Completed"}, key=lambda name: (name not in _NOTED, name)
    )
    owned: dict[str, list[str]] = {}
    for owner, name in sorted(catalogue.properties):
        owned.setdefault(owner, []).append(name)
    return {"traits": sorted(catalogue.traits), "events": events, "properties": owned}


def _found(visit: Visit) -> list[Segment]:
    wanted = visit.query("q").strip().lower()
    return [row for row in service.list_segments(visit.conn) if wanted in row.name.lower()]


def _sentences(visit: Visit, rows: list[Segment]) -> dict[UUID, str]:
    names = {row.id: row.name for row in service.list_segments(visit.conn)}
    return {row.id: segment.words(row.definition, visit.locale, names) for row in rows}


def _counts(visit: Visit, ids: list[UUID]) -> dict[str, int]:
    """Sizes by id; empty when the answer does not come in time, which is not "none"."""
    if not ids:
        return {}
    values = {"ids": [str(one) for one in ids]}
    try:
        return ask(visit.settings, "count_segments", values, timeout_s=_WAIT_S)
    except QueryFailed:
        return {}


def _people(visit: Visit, kept: Segment, after: int, limit: int) -> dict[str, Any]:
    definition = segment.to_json(kept.definition)
    values = {"condition": definition, "after": after, "limit": limit}
    return ask(visit.settings, "people", values, timeout_s=_WAIT_S)


def _people_page(found: dict[str, Any], after: int, path: str) -> KeysetPage:
    rows = found["page"]
    following = str(rows[-1]["customer_id"]) if len(rows) == PAGE else ""
    return KeysetPage(rows, found["people"], path, following, is_first=not after)


def _after(visit: Visit) -> int:
    text = visit.query("from")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _everyone(visit: Visit, kept: Segment) -> Iterator[dict[str, Any]]:
    after = 0
    for _ in range(CSV_ROWS // 1000):
        rows = _people(visit, kept, after, 1000)["page"]
        yield from rows
        if len(rows) < 1000:
            return
        after = rows[-1]["customer_id"]

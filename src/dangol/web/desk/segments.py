"""Segments: the list with sizes, the builder with a live count, and the people of each."""

import json
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

import msgspec

from dangol.errors import InputError
from dangol.know import segment
from dangol.know.segment import service
from dangol.know.segment.store import Segment, list_names, load_catalogue
from dangol.web.answer import Answer, Move, Page
from dangol.web.desk.builder.leaves import MENU
from dangol.web.desk.builder.offers import load_offers
from dangol.web.desk.builder.pen import Pen
from dangol.web.desk.builder.seen import list_seen
from dangol.web.desk.builder.sheet import EMPTY, Node, act, from_condition, read_sheet, walk
from dangol.web.desk.builder.starters import Starter
from dangol.web.desk.builder.writing import Written, Wrong, write
from dangol.web.desk.listing import CSV_ROWS, PAGE, Figure, KeysetPage, csv_file, list_url, paged
from dangol.web.desk.starting import find_starter, name_of, offered
from dangol.web.query import QueryFailed, ask
from dangol.web.visit import Visit

_WAIT_S = 20.0


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
    """The builder for a new segment: empty, from a starter (`?from=`), or as text (`?as=text`)."""
    if _is_text(visit):
        return _builder(visit, _Shown())
    starter = find_starter(visit, visit.query("from")) if visit.query("from") else None
    if starter is None:
        return _builder(visit, _Shown(root=EMPTY, starters=offered(visit)))
    root = from_condition(segment.parse(starter.condition))
    return _builder(visit, _Shown(name=name_of(visit, starter), root=root))


def show(visit: Visit) -> Answer:
    """The builder with a kept segment."""
    kept = service.get_segment(visit.conn, visit.id())
    root = None if _is_text(visit) else from_condition(kept.definition)
    return _builder(visit, _Shown(kept=kept, name=kept.name, root=root))


def draw(visit: Visit) -> Answer:
    """The rows after a press of a button or a choice on which other fields depend, as a part."""
    action = visit.form("do")
    root = act(read_sheet(visit.given.form), action)
    values = _sheet_values(visit, root, visit.uuid_field("own"), ())
    return Page("desk/segment_rows.html", values | {"fresh": _fresh(root, action)})


def show_seen(visit: Visit) -> Answer:
    """Values that a name was seen with, for the list of a field."""
    seen = list_seen(visit.conn, visit.query("name"), visit.query("event"))
    return Page("desk/segment_seen.html", {"seen": seen})


def create(visit: Visit) -> Answer:
    """Keep a new segment, or do one thing to the rows."""
    return _save(visit, None)


def save(visit: Visit) -> Answer:
    """Keep the next version, or do one thing to the rows."""
    return _save(visit, service.get_segment(visit.conn, visit.id()))


def archive(visit: Visit) -> Answer:
    """Take it out of the list; while something uses it the page says what."""
    kept = service.get_segment(visit.conn, visit.id())
    if users := service.list_users(visit.conn, kept.id, open_only=True):
        called = (visit.t(f"segment.user_{user.kind}", name=user.name) for user in users)
        problem = visit.t("segment.used_by", name=kept.name, users=", ".join(called))
        root = from_condition(kept.definition)
        return _builder(visit, _Shown(kept=kept, name=kept.name, root=root, problem=problem))
    service.archive_segment(visit.conn, kept.id, kept.version, visit.by, visit.now)
    visit.record("segment_archived", kept.name)
    return Move("/segments", "segment.archived")


def preview(visit: Visit) -> Answer:
    """How many people the rows mean, as a part of the page; else what is not finished, and where."""
    values: dict[str, Any] = {"found": None, "problem": "", "wrong": [], "pen": None}
    try:
        written = _given(visit, None)
        if written.wrong:
            values |= _wrong_values(visit, written.wrong)
        else:
            values |= _counted(visit, written.definition)
    except (QueryFailed, InputError) as error:
        values["problem"] = visit.say(error)
    return Page("desk/segment_count.html", values)


def _counted(visit: Visit, definition: dict[str, Any]) -> dict[str, Any]:
    asked = {"condition": definition, "sample": 6}
    found = ask(visit.settings, "preview", asked, timeout_s=_WAIT_S)
    text = json.dumps(definition, ensure_ascii=False, separators=(",", ":"))
    everyone = Figure(found["people"], list_url("/segments/people", {"condition": text}))
    return {"found": found, "everyone": everyone}


def _wrong_values(visit: Visit, wrong: Sequence[Wrong]) -> dict[str, Any]:
    root = read_sheet(visit.given.form)
    return {"wrong": wrong, "pen": _pen(visit, root, None, wrong)}


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
    root = None if visit.form("fixed") else read_sheet(visit.given.form)
    shown = _Shown(kept=kept, name=visit.form("name"), root=root)
    action = visit.form("do", "save")
    if action != "save" and root is not None:
        changed = act(root, action)
        fresh = _fresh(changed, action)
        return _builder(visit, msgspec.structs.replace(shown, root=changed, fresh=fresh))
    try:
        written = _given(visit, kept)
        if written.wrong:
            return _builder(visit, msgspec.structs.replace(shown, wrong=written.wrong))
        saved = _keep(visit, kept, written.definition)
    except InputError as error:
        return _builder(visit, msgspec.structs.replace(shown, problem=visit.say(error)))
    visit.record("segment_saved", saved.name, version=saved.version)
    return Move(f"/segments/{saved.id}", "segment.saved")


def _is_text(visit: Visit) -> bool:
    return visit.query("as") == "text"


def _given(visit: Visit, kept: Segment | None) -> Written:
    """The condition that the form says, in rows or as text; without either, the one that is kept.

    Raises:
        ConditionProblem: the text is no condition.
    """
    if not visit.form("fixed"):
        return write(read_sheet(visit.given.form), load_catalogue(visit.conn))
    text = visit.form("condition").strip()
    given = kept.definition if kept and not text else segment.parse_json(text)
    return Written(segment.to_json(given), [])


def _fresh(root: Node, action: str) -> str:
    """The id of the element to go on with after a press of a button."""
    what, _, rest = action.partition(":")
    if what == "remove":
        return f"add-{rest.rpartition('-')[0]}"
    if what == "add":
        above = rest.partition(":")[2]
        beside = [path for path, _ in walk(root) if path.rpartition("-")[0] == above]
        return f"r{beside[-1]}" if beside else ""
    path, _, key = rest.partition(":")
    if what != "grow":
        return f"r{path}" if what == "drop" else ""
    node = dict(walk(root)).get(path)
    count = node.row.get(key, [""])[-1] if node else ""
    return f"f-r{path}.{key}.{int(count) - 1}.kind" if count.isdecimal() else ""


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


class _Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What the builder's page is about; without a root the condition stands there as text."""

    kept: Segment | None = None
    name: str = ""
    root: Node | None = None
    problem: str = ""
    wrong: Sequence[Wrong] = ()
    fresh: str = ""
    starters: Sequence[Starter] = ()


def _builder(visit: Visit, shown: _Shown) -> Page:
    kept = shown.kept
    values = {
        **_sheet_values(visit, shown.root or EMPTY, kept.id if kept else None, shown.wrong),
        **msgspec.structs.asdict(shown),
        "version": visit.form("version") or (str(kept.version) if kept else "0"),
        "text": _text(visit, kept) if shown.root is None else "",
        "sentence": _sentences(visit, [kept])[kept.id] if kept else "",
        "counts": None,
    }
    return Page("desk/segment.html", values, 422 if shown.problem or shown.wrong else 200)


def _sheet_values(
    visit: Visit, root: Node, own: UUID | None, wrong: Sequence[Wrong]
) -> dict[str, Any]:
    """What the rows are drawn with."""
    pen = _pen(visit, root, own, wrong)
    return {"root": root, "pen": pen, "offers": pen.offers, "menu": MENU, "wrong": wrong}


def _pen(visit: Visit, root: Node, own: UUID | None, wrong: Sequence[Wrong]) -> Pen:
    kinds = {path: node.kind for path, node in walk(root)}
    return Pen(visit, load_offers(visit, root, own), kinds, wrong)


def _found(visit: Visit) -> list[Segment]:
    wanted = visit.query("q").strip().lower()
    return [row for row in service.list_segments(visit.conn) if wanted in row.name.lower()]


def _sentences(visit: Visit, rows: list[Segment]) -> dict[UUID, str]:
    names = {}
    for row in rows:
        names |= list_names(visit.conn, row.definition)
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

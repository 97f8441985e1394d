"""Questions about people: how many a condition means, who they are, how they divide."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from dangol.engine.query.found import People, Preview, Share
from dangol.engine.query.page import Paging, page_of
from dangol.engine.query.registry import answers
from dangol.engine.query.warm import AsOf, Warm, warmed
from dangol.know.segment import Condition, check, parse, words
from dangol.know.segment.compile import compile
from dangol.know.segment.service import count_compiled, resolve
from dangol.know.segment.store import list_names, list_segments, load_catalogue
from dangol.know.segment.value import pointer
from dangol.settings import Settings
from dangol.store.pool import connect

MAX_SAMPLE = 1_000


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A condition as JSON data, and how many people to name."""

    condition: Any
    sample: int = 10


class PageAsked(Paging, frozen=True, kw_only=True):
    """A condition."""

    condition: Any


class SegmentsAsked(msgspec.Struct, frozen=True, kw_only=True):
    """Which segments to count; empty for all."""

    ids: list[UUID] = []


class DivisionAsked(msgspec.Struct, frozen=True, kw_only=True):
    """A condition and what divides its people: the stage, or a text trait."""

    condition: Any
    by: Literal["stage", "trait"] = "stage"
    trait: str = ""


@answers("preview", Asked)
def preview(warm: Warm, asked: Asked) -> Preview:
    """Count and sample; the numbers are exact."""
    return _preview(warm, parse(asked.condition), min(max(asked.sample, 0), MAX_SAMPLE))


@answers("people", PageAsked)
def people(warm: Warm, asked: PageAsked) -> People:
    """A page of everyone whom a condition means; its total equals the preview's count."""
    at, sql, values = _compiled(warm, asked.condition)
    return page_of(at, sql, values, asked)


@answers("count_by", DivisionAsked)
def count_by(warm: Warm, asked: DivisionAsked) -> list[Share]:
    """How the people of a condition divide, largest part first; the parts add up to all of them."""
    at, sql, values = _compiled(warm, asked.condition)
    value = "coalesce(stage, 'unknown')"
    if asked.by == "trait":
        value = f"json_extract_string(traits, ${len(values) + 1})"
        values = [*values, pointer(asked.trait)]
    rows = at.snapshot.query(
        f"select {value} as value, count(*) as people from ({sql}) f"
        " join customers c using (bucket, customer_id)"
        " left join stages s using (bucket, customer_id)"
        " group by 1 order by 2 desc, 1",
        values,
    )
    return [Share(row["value"], row["people"]) for row in rows.to_pylist()]


@answers("count_segments", SegmentsAsked)
def count_segments(warm: Warm, asked: SegmentsAsked) -> dict[str, int]:
    """How many people each segment has, all as of the same instant."""
    at = warm.as_of()
    with connect(warm.dsn, name="query") as conn:
        segments = list_segments(conn)
        wanted = [one for one in segments if not asked.ids or one.id in asked.ids]
        resolved = {str(one.id): resolve(conn, one.definition, at.now) for one in wanted}
    return {
        key: count_compiled(at.snapshot, at.counts.compile(condition), sample=0).people
        for key, condition in resolved.items()
    }


class NothingAsked(msgspec.Struct, frozen=True):
    """No values."""


@answers("warm", NothingAsked)
def warm_up(warm: Warm, _: NothingAsked) -> datetime:
    """Load what previews need, for a page on which people are about to ask; as of when it is."""
    return warm.as_of().now


def preview_condition(settings: Settings, condition: Condition, sample: int) -> Preview:
    """The preview without a worker, for the command line."""
    with warmed(settings) as warm:
        return _preview(warm, condition, sample)


def _preview(warm: Warm, condition: Condition, sample: int) -> Preview:
    at = warm.as_of()
    with connect(warm.dsn, name="query") as conn:
        never_heard = check(condition, load_catalogue(conn))
        names = list_names(conn, condition)
        resolved = resolve(conn, condition, at.now)
    found = count_compiled(at.snapshot, at.counts.compile(resolved), sample)
    total = at.snapshot.query("select count(*) as n from customers").column("n")[0].as_py()
    return Preview(
        people=found.people,
        of=total,
        sample=found.sample,
        words={locale: words(condition, locale, names) for locale in ("en", "ko")},
        never_heard=never_heard,
        sql=compile(resolved, at.now, at.zone, at.snapshot.typed_columns)[0],
        as_of=at.now,
    )


def _compiled(warm: Warm, given: Any) -> tuple[AsOf, str, list[object]]:
    at = warm.as_of()
    resolved = _resolved(warm, given, at.now)
    sql, values = at.counts.compile(resolved)
    return at, sql, values


def _resolved(warm: Warm, given: Any, now: datetime) -> Condition:
    condition = parse(given)
    with connect(warm.dsn, name="query") as conn:
        check(condition, load_catalogue(conn))
        return resolve(conn, condition, now)

"""`/api/v1/customers`: who they are, where each relationship stands and why, give and take, consent."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import psycopg
from litestar import Request
from litestar.concurrency import sync_to_thread
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, FromQuery, JSONBody

from dangol.errors import NotFound
from dangol.know import consent
from dangol.know.consent import Standing
from dangol.know.giving.balance import Balance
from dangol.know.giving.referral import find_referrer, friend_token, list_friends
from dangol.know.profile.service import Profile, display_name
from dangol.know.profile.timeline import Page
from dangol.know.rhythm.explain import Explanation, StageRow, explain
from dangol.know.rhythm.lookup import find_model, find_none, find_stage
from dangol.know.rhythm.sentence import sentence
from dangol.know.segment.membership.service import Stay, is_member
from dangol.know.segment.service import list_segments
from dangol.model.customer import bucket_of
from dangol.model.stage import Stage
from dangol.store.brand import read_brand
from dangol.web import words
from dangol.web.api.access import Offset, customer_of, in_transaction
from dangol.web.api.describe import get, post
from dangol.web.desk.display import Display
from dangol.web.desk.people import People, count_people, list_people
from dangol.web.desk.rhythm_words import Said, say
from dangol.web.query import ask
from dangol.web.stays import list_stays

_MOST_DAYS = 3660


class CustomerListed(msgspec.Struct, frozen=True, kw_only=True):
    """A customer in a list."""

    customer_id: int
    name: str
    """Empty where nobody told us."""
    address: str | None
    last_seen_at: datetime
    stage: Stage
    stage_since: datetime | None
    order_days: int
    """Days on which they came."""
    last_day: date | None
    """The last of them."""


class CustomersFound(msgspec.Struct, frozen=True, kw_only=True):
    """One page of customers."""

    total: int
    customers: list[CustomerListed]


class StageShown(msgspec.Struct, frozen=True, kw_only=True):
    """Why a stage is what it is: the parts, and the sentence they make, by language."""

    explanation: Explanation
    words: dict[str, Said]


class CustomerShown(msgspec.Struct, frozen=True, kw_only=True):
    """One customer; the winner where the number asked for was merged."""

    profile: Profile
    stage: StageRow | None
    """Null where there never was an order."""
    why: StageShown | None
    channels: list[Standing]


class GivingShown(msgspec.Struct, frozen=True, kw_only=True):
    """What both sides gave, who brought whom, and the customer's own link for friends."""

    counts: Balance
    friends: list[int]
    referrer: int | None
    link: str | None
    """Null until the shop has a public address."""


class SegmentOf(msgspec.Struct, frozen=True, kw_only=True):
    """A segment, and whether the customer is in it."""

    id: UUID
    name: str
    is_member: bool


class SegmentsShown(msgspec.Struct, frozen=True, kw_only=True):
    """Every segment, and every entry and exit, the latest first."""

    segments: list[SegmentOf]
    stays: list[Stay]


class ConsentGiven(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the customer asked for, and how we know."""

    do: Literal["grant", "withdraw", "object", "pause", "resume"]
    how: str = ""
    """Where, when and by whom it was said; needed to grant."""
    days: int = 30
    """Of a pause."""


def lately_asked(
    quiet: FromQuery[bool] = False,
    days: FromQuery[int] = 0,
    first: FromQuery[int] = 0,
    new: FromQuery[int] = 0,
    visitors: FromQuery[bool] = False,
) -> People:
    """What narrows the list by time."""
    within = {"days": days, "first": first, "new": new}
    kept = {name: min(max(number, 0), _MOST_DAYS) for name, number in within.items()}
    return People(quiet=quiet, visitors=visitors, **kept)


@get("/customers", dependencies={"lately": Provide(lately_asked, sync_to_thread=False)})
async def find_customers(
    request: Request,
    lately: NamedDependency[People],
    rows: NamedDependency[Offset],
    q: FromQuery[str] = "",
    stage: FromQuery[Stage | None] = None,
    was: FromQuery[Stage | None] = None,
) -> CustomersFound:
    """The lists of the desk: by name, initials, address, phone, note or id (`q`), by stage.

    `was`: the stage before. `quiet`: silent for longer than is usual for them. `days`: the stage
    changed within so many days. `first`: came for the first time within so many days, and not
    again. `new`: first seen within so many days. `visitors`: those without an id or address.
    """
    people = msgspec.structs.replace(
        lately, q=q.strip()[:200], stage=stage.value if stage else "", was=was.value if was else ""
    )
    now = datetime.now(UTC)

    def work(conn: psycopg.Connection) -> CustomersFound:
        found = list_people(conn, people, now, limit=rows.limit, offset=rows.start)
        total = count_people(conn, people, now).count
        return CustomersFound(total=total, customers=[_listed(row) for row in found])

    return await in_transaction(request, work)


@get("/customers/{customer_id:int}")
async def show_customer(request: Request, customer_id: FromPath[int]) -> CustomerShown:
    """One customer by number, with the stage and why it is so."""
    now = datetime.now(UTC)

    def work(conn: psycopg.Connection) -> CustomerShown:
        profile = customer_of(conn, customer_id)
        number = profile.customer_id
        row = find_stage(conn, bucket_of(number), number)
        return CustomerShown(
            profile=profile,
            stage=row,
            why=_explained(conn, row, now) if row else None,
            channels=consent.get_standing(conn, number),
        )

    return await in_transaction(request, work)


@get("/customers/{customer_id:int}/rhythm")
async def show_rhythm(request: Request, customer_id: FromPath[int]) -> dict[str, Any]:
    """`p` of an order within the own horizon, the `year` ahead in orders and money, the `habit`.

    Each as expected (`mean`) and between which values it comes out eight times in ten; null where
    nothing can be said yet.
    """
    return await _asked(request, "customer_rhythm", customer_id)


@get("/customers/{customer_id:int}/rapport")
async def show_rapport(request: Request, customer_id: FromPath[int]) -> dict[str, Any]:
    """The best hour to write (`best_hour`), and how much contact there is room for (`attention`)."""
    return await _asked(request, "rapport", customer_id)


@get("/customers/{customer_id:int}/timeline")
async def show_timeline(
    request: Request,
    customer_id: FromPath[int],
    rows: NamedDependency[Offset],
    before: FromQuery[str | None] = None,
) -> Page:
    """Everything they did and heard, the latest first; `next` goes into `before` of the next page."""
    more = {"before": before, "limit": rows.limit}
    return await _asked(request, "timeline", customer_id, more)


@get("/customers/{customer_id:int}/giving")
async def show_giving(request: Request, customer_id: FromPath[int]) -> GivingShown:
    """Give and take, with the friends they brought."""
    counts = await _asked(request, "giving", customer_id)
    keyring = request.app.state.keyring

    def work(conn: psycopg.Connection) -> GivingShown:
        number = customer_of(conn, customer_id).customer_id
        public = read_brand(conn).public_url.rstrip("/")
        return GivingShown(
            counts=msgspec.convert(counts, Balance),
            friends=list_friends(conn, number),
            referrer=find_referrer(conn, number),
            link=f"{public}/f/{friend_token(keyring, number)}" if public else None,
        )

    return await in_transaction(request, work)


@get("/customers/{customer_id:int}/segments")
async def show_segments_of(request: Request, customer_id: FromPath[int]) -> SegmentsShown:
    """In which segments they are, and when they came and went."""
    settings = request.app.state.settings

    def work(conn: psycopg.Connection) -> SegmentsShown:
        number = customer_of(conn, customer_id).customer_id
        segments = [
            SegmentOf(id=one.id, name=one.name, is_member=is_member(conn, one.id, number))
            for one in list_segments(conn)
        ]
        return SegmentsShown(segments=segments, stays=list_stays(settings, conn, number))

    return await in_transaction(request, work)


@post("/customers/{customer_id:int}/consent", status_code=200)
async def change_consent(
    request: Request, customer_id: FromPath[int], data: JSONBody[ConsentGiven]
) -> list[Standing]:
    """Record what the customer asked for; it holds everywhere once this answers."""
    actor, now, journal = request.state.actor, datetime.now(UTC), request.app.state.journal

    def work(conn: psycopg.Connection) -> list[Standing]:
        profile = customer_of(conn, customer_id)
        if profile.erased_at is not None:
            raise NotFound
        conn.commit()  # what follows opens transactions of its own
        evidence = {"how": data.how[:500]} if data.how.strip() else {}
        said = consent.Answer(
            customer_id=profile.customer_id, actor=actor, source="api", evidence=evidence
        )
        if data.do == "pause":
            until = now + timedelta(days=min(max(data.days, 1), 730))
            consent.pause(conn, journal, said, until, now)
        else:
            _STATEMENTS[data.do](conn, journal, said, now)
        return consent.get_standing(conn, profile.customer_id)

    return await in_transaction(request, work)


_STATEMENTS: dict[str, Callable[..., None]] = {
    "grant": consent.grant,
    "withdraw": consent.withdraw,
    "object": consent.object_to_marketing,
    "resume": consent.resume,
}

CUSTOMERS = [
    find_customers,
    show_customer,
    show_rhythm,
    show_rapport,
    show_timeline,
    show_giving,
    show_segments_of,
    change_consent,
]


def _listed(row: dict[str, Any]) -> CustomerListed:
    return CustomerListed(
        customer_id=row["customer_id"],
        name=display_name(row["traits"]),
        address=row["address"],
        last_seen_at=row["last_seen_at"],
        stage=Stage(row["stage"]),
        stage_since=row["since"],
        order_days=0 if row["first_day"] is None else row["repeats"] + 1,
        last_day=row["last_day"],
    )


def _explained(conn: psycopg.Connection, row: StageRow, now: datetime) -> StageShown:
    zone = read_brand(conn).zone
    model = find_model(conn, row.model_version) if row.model_version is not None else None
    explanation = explain(row, model, now.astimezone(ZoneInfo(zone)).date())
    nothing = find_none(conn) if explanation.model is None else None
    told = sentence(explanation, nothing.shortage if nothing else None)
    said = {locale: say(told, Display(locale, zone, now)) for locale in words.LOCALES}
    return StageShown(explanation=explanation, words=said)


async def _asked(
    request: Request, kind: str, customer_id: int, more: dict[str, Any] | None = None
) -> Any:
    """What history says about one customer."""
    profile = await in_transaction(request, lambda conn: customer_of(conn, customer_id))
    values = {"customer_id": profile.customer_id, **(more or {})}
    return await sync_to_thread(ask, request.app.state.settings, kind, values)

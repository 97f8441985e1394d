"""`/api/v1/customers`, `/campaigns`, `/letters`, `/keys`: what the desk shows, as JSON."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from litestar import Request, get
from litestar.params import FromPath, FromQuery

from dangol.decide.campaign.results import Results, results
from dangol.decide.campaign.service import Campaign, get_campaign, list_campaigns
from dangol.know.consent import Standing, get_standing
from dangol.know.profile.service import CustomerCard, Profile, get_profile, search_customers
from dangol.know.rhythm.explain import StageRow
from dangol.know.rhythm.lookup import find_stage
from dangol.listen.keys import ApiKey, list_keys
from dangol.model.customer import bucket_of
from dangol.speak.letter.service import list_letters
from dangol.web.api.access import in_transaction

_MOST = 500


class CustomersFound(msgspec.Struct, frozen=True, kw_only=True):
    """One page of customers, the last seen first."""

    total: int
    customers: list[CustomerCard]


class CustomerShown(msgspec.Struct, frozen=True, kw_only=True):
    """One customer; of the winner where the number asked for was merged."""

    profile: Profile
    stage: StageRow | None
    """None where there never was an order."""
    channels: list[Standing]


class CampaignShown(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign with what became of its messages."""

    campaign: Campaign
    results: Results


class LetterListed(msgspec.Struct, frozen=True, kw_only=True):
    """A letter in the list."""

    id: UUID
    name: str
    version: int
    kind: str
    locales: list[str]
    changed_at: datetime


@get("/customers")
async def find_customers(
    request: Request, q: FromQuery[str] = "", limit: FromQuery[int] = 50, offset: FromQuery[int] = 0
) -> CustomersFound:
    """Customers by name, initials, address, digits of the phone, or exactly by an id."""

    def work(conn: psycopg.Connection) -> CustomersFound:
        size, start = min(max(limit, 1), _MOST), min(max(offset, 0), 10**9)
        found, total = search_customers(conn, q[:200], limit=size, offset=start)
        return CustomersFound(total=total, customers=found)

    return await in_transaction(request, work)


@get("/customers/{customer_id:int}")
async def show_customer(request: Request, customer_id: FromPath[int]) -> CustomerShown:
    """One customer by number."""

    def work(conn: psycopg.Connection) -> CustomerShown:
        profile = get_profile(conn, min(max(customer_id, 0), 2**62))
        number = profile.customer_id
        return CustomerShown(
            profile=profile,
            stage=find_stage(conn, bucket_of(number), number),
            channels=get_standing(conn, number),
        )

    return await in_transaction(request, work)


@get("/campaigns")
async def show_campaigns(request: Request) -> list[Campaign]:
    """Campaigns, the latest first."""
    return await in_transaction(request, lambda conn: list_campaigns(conn, limit=_MOST))


@get("/campaigns/{campaign_id:uuid}")
async def show_campaign(request: Request, campaign_id: FromPath[UUID]) -> CampaignShown:
    """One campaign with its counts."""
    return await in_transaction(
        request,
        lambda conn: CampaignShown(
            campaign=get_campaign(conn, campaign_id), results=results(conn, campaign_id)
        ),
    )


@get("/letters")
async def show_letters(request: Request) -> list[LetterListed]:
    """Every letter that is not put away."""

    def work(conn: psycopg.Connection) -> list[LetterListed]:
        return [
            LetterListed(
                id=row.id,
                name=row.name,
                version=row.version,
                kind=row.letter.kind.value,
                locales=list(row.letter.variants),
                changed_at=row.changed_at,
            )
            for row in list_letters(conn)
        ]

    return await in_transaction(request, work)


@get("/keys")
async def show_keys(request: Request) -> list[ApiKey]:
    """All keys without their secrets."""
    return await in_transaction(request, list_keys)


LISTS: list[Any] = [
    find_customers,
    show_customer,
    show_campaigns,
    show_campaign,
    show_letters,
    show_keys,
]

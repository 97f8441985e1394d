"""`/api/v1/campaigns`, `/letters`, `/jobs`, `/keys`: what the desk shows, as JSON."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from litestar import Request
from litestar.params import FromPath

from dangol.decide.campaign.results import Results, results
from dangol.decide.campaign.service import Campaign, get_campaign, list_campaigns
from dangol.engine.jobs import Job, get_job
from dangol.listen.keys import ApiKey, list_keys
from dangol.speak.letter.service import list_letters
from dangol.web.api.access import in_transaction
from dangol.web.api.describe import get

_MOST = 500


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


@get("/jobs/{job_id:uuid}")
async def show_job(request: Request, job_id: FromPath[UUID]) -> Job:
    """Long work, such as a back-fill: its state, how far it is, and what came of it."""
    return await in_transaction(request, lambda conn: get_job(conn, job_id))


@get("/keys")
async def show_keys(request: Request) -> list[ApiKey]:
    """All keys without their secrets."""
    return await in_transaction(request, list_keys)


LISTS: list[Any] = [
    show_campaigns,
    show_campaign,
    show_letters,
    show_job,
    show_keys,
]

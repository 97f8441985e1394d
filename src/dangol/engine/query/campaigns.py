"""Questions about campaigns: who would get one before it is launched, and who got it long ago."""

from datetime import UTC, datetime
from uuid import UUID

import msgspec

from dangol.decide.campaign.audience import AudienceCount
from dangol.decide.campaign.past.reading import Part, list_of_customer, list_of_send
from dangol.decide.campaign.past.row import Past
from dangol.engine.planning import AudiencePage, count_campaign, name_campaign
from dangol.engine.query.page import MAX_PAGE
from dangol.engine.query.registry import answers
from dangol.engine.query.warm import Warm
from dangol.store.pool import connect


class CampaignAsked(msgspec.Struct, frozen=True, kw_only=True):
    """Which campaign."""

    campaign_id: UUID


@answers("campaign_audience", CampaignAsked)
def campaign_audience(warm: Warm, asked: CampaignAsked) -> AudienceCount:
    """How many get it, and why everyone else does not; always from a snapshot of its own."""
    return count_campaign(warm.settings, asked.campaign_id, datetime.now(UTC))


class GroupAsked(msgspec.Struct, frozen=True, kw_only=True):
    """Which campaign, which part of its audience, and where the page begins."""

    campaign_id: UUID
    group: str
    after: int = 0
    limit: int = 50


@answers("campaign_people", GroupAsked)
def campaign_people(warm: Warm, asked: GroupAsked) -> AudiencePage:
    """Who stands behind a number of `campaign_audience`."""
    page = (asked.after, min(max(asked.limit, 1), MAX_PAGE))
    return name_campaign(warm.settings, asked.campaign_id, asked.group, page, datetime.now(UTC))


@answers("past_messages", Part)
def past_messages(warm: Warm, asked: Part) -> list[Past]:
    """A page of a send's messages that are in the lake."""
    with connect(warm.dsn, name="query") as conn:
        return list_of_send(warm.settings, conn, asked)


class PastAsked(msgspec.Struct, frozen=True, kw_only=True):
    """Whose, and of which send; of all without."""

    customer_id: int
    send_id: int | None = None
    limit: int = 100


@answers("past_of", PastAsked)
def past_of(warm: Warm, asked: PastAsked) -> list[Past]:
    """One customer's messages that are in the lake, latest first."""
    one = {"send_id": asked.send_id, "limit": asked.limit}
    with connect(warm.dsn, name="query") as conn:
        return list_of_customer(warm.settings, conn, asked.customer_id, **one)

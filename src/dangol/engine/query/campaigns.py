"""Questions about campaigns: who would get one, before it is launched."""

from datetime import UTC, datetime
from uuid import UUID

import msgspec

from dangol.decide.campaign.audience import AudienceCount
from dangol.engine.planning import AudiencePage, count_campaign, name_campaign
from dangol.engine.query.people import MAX_PAGE
from dangol.engine.query.registry import answers
from dangol.engine.query.warm import Warm


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

"""Questions about campaigns: who would get one, before it is launched."""

from datetime import UTC, datetime
from uuid import UUID

import msgspec

from dangol.decide.campaign.audience import AudienceCount
from dangol.engine.planning import count_campaign
from dangol.engine.query.registry import answers
from dangol.engine.query.warm import Warm


class CampaignAsked(msgspec.Struct, frozen=True, kw_only=True):
    """Which campaign."""

    campaign_id: UUID


@answers("campaign_audience", CampaignAsked)
def campaign_audience(warm: Warm, asked: CampaignAsked) -> AudienceCount:
    """How many get it, and why everyone else does not; always from a snapshot of its own."""
    return count_campaign(warm.settings, asked.campaign_id, datetime.now(UTC))

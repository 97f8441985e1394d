"""Campaigns as rows."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from psycopg.types.json import Jsonb

from dangol.decide.campaign.model import Campaign, CampaignState, Draft, Schedule
from dangol.errors import NotFound
from dangol.store.sql import load_queries

SQL = load_queries(__package__)
_FIELDS = tuple(field.name for field in msgspec.structs.fields(Campaign))


def find_campaign(conn: psycopg.Connection, campaign_id: UUID) -> Campaign:
    """One campaign.

    Raises:
        NotFound: there is none of this id.
    """
    row = conn.execute(SQL.find_campaign, {"id": campaign_id}).fetchone()
    if row is None:
        raise NotFound("There is no such campaign; it may have been removed.")
    return campaign_of(row)


def campaign_of(row: tuple) -> Campaign:
    """A row of `find_campaign` as a value."""
    fields = dict(zip(_FIELDS, row, strict=True))
    fields |= {
        "state": CampaignState(fields["state"]),
        "schedule": msgspec.convert(fields["schedule"], Schedule),
    }
    return Campaign(**fields)


def draft_row(draft: Draft, now: datetime) -> dict[str, Any]:
    """A draft as parameters."""
    row = msgspec.structs.asdict(draft)
    return row | {"schedule": Jsonb(msgspec.to_builtins(draft.schedule)), "now": now}

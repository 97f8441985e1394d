"""Entries into segments and exits, wherever they are: the query worker tells those of long ago."""

from typing import Any
from uuid import UUID

import msgspec
import psycopg

from dangol.know.segment.membership import service
from dangol.know.segment.membership.past.row import (
    Past,
    has_files,
    is_complete,
    join_changes,
    join_stays,
)
from dangol.settings import Settings
from dangol.web.query import ask

_WAIT_S = 30.0


def list_stays(
    settings: Settings, conn: psycopg.Connection, customer_id: int, segment_id: UUID | None = None
) -> list[service.Stay]:
    """One person's entries and exits, the latest first; of one segment, or of all.

    Raises:
        QueryFailed: some are in the lake, and it does not answer.
    """
    stays = service.list_stays(conn, customer_id, segment_id)
    if not has_files(conn, customer_id):
        return stays
    asked = {"customer_id": customer_id, "segment_id": str(segment_id) if segment_id else None}
    return join_stays(conn, stays, _past(settings, "past_stays", asked))


def list_changes(
    settings: Settings, conn: psycopg.Connection, segment_id: UUID, limit: int = 50
) -> list[service.Moved]:
    """Who came and went, the latest first.

    Raises:
        QueryFailed: some are in the lake, and it does not answer.
    """
    changes = service.list_changes(conn, segment_id, limit)
    if is_complete(conn, changes, limit):
        return changes
    asked = {"segment_id": str(segment_id), "limit": limit}
    return join_changes(conn, changes, _past(settings, "past_changes", asked), limit)


def _past(settings: Settings, question: str, asked: dict[str, Any]) -> list[Past]:
    return msgspec.convert(ask(settings, question, asked, timeout_s=_WAIT_S), list[Past])

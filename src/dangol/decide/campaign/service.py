"""Campaigns from draft to done; in the caller's transaction."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import msgspec
import psycopg

from dangol.decide.campaign.model import WINDOW, Campaign, CampaignState, Draft, LaunchProblem
from dangol.decide.campaign.sends import NewSend, create_send, wake_dispatchers
from dangol.decide.campaign.store import SQL, campaign_of, draft_row, find_campaign
from dangol.errors import Conflict, InputError, Refused
from dangol.model.message import MessageKind
from dangol.model.reason import SilentReason
from dangol.store.backup.hold import find_hold

get_campaign = find_campaign

_SILENCED_AT_ONCE = 10_000
_UNDER_WAY = ["scheduled", "planning", "running", "paused"]


class LetterFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a launch must know about its letter."""

    version: int
    kind: MessageKind
    topic: str


def create_campaign(conn: psycopg.Connection, draft: Draft, *, by: str, now: datetime) -> Campaign:
    """Keep a new draft.

    Raises:
        InputError: it has no name, or a holdout of everyone.
    """
    _check_draft(draft)
    row = draft_row(draft, now) | {"id": uuid4(), "by": by}
    conn.execute(SQL.insert_campaign, row)
    return find_campaign(conn, row["id"])


def edit_campaign(
    conn: psycopg.Connection,
    campaign_id: UUID,
    draft: Draft,
    *,
    expected: datetime,
    now: datetime,
) -> Campaign:
    """Change a draft that was last changed at `expected`.

    Raises:
        Conflict: somebody else changed it in the meantime.
        Refused: it is no draft any more.
    """
    _check_draft(draft)
    row = draft_row(draft, now) | {"id": campaign_id, "expected": expected}
    if conn.execute(SQL.change_draft, row).fetchone() is None:
        if find_campaign(conn, campaign_id).state is not CampaignState.DRAFT:
            raise Refused("The campaign was launched and cannot be changed; copy it instead.")
        raise Conflict()
    return find_campaign(conn, campaign_id)


def delete_draft(conn: psycopg.Connection, campaign_id: UUID) -> None:
    """Throw a draft away.

    Raises:
        Refused: it was launched: what went out stays explainable.
    """
    if conn.execute(SQL.delete_draft, {"id": campaign_id}).fetchone() is None:
        find_campaign(conn, campaign_id)
        raise Refused("A campaign that was launched is kept; cancel it to stop it.")


def list_campaigns(conn: psycopg.Connection, *, limit: int = 200) -> list[Campaign]:
    """Campaigns, the latest first."""
    return [campaign_of(row) for row in conn.execute(SQL.list_campaigns, {"limit": limit})]


def list_launch_problems(
    conn: psycopg.Connection, campaign: Campaign, now: datetime
) -> list[LaunchProblem]:
    """What stands against launching, apart from the letter's content and the sender."""
    problems = []
    if campaign.state is not CampaignState.DRAFT:
        problems.append(LaunchProblem.NOT_A_DRAFT)
    if campaign.letter_id is None:
        problems.append(LaunchProblem.NO_LETTER)
    if campaign.segment_id is not None:
        row = _find_segment(conn, campaign.segment_id, None)
        if row is None or row[2]:
            problems.append(LaunchProblem.NO_SEGMENT)
    if _is_over(campaign, now):
        problems.append(LaunchProblem.IN_THE_PAST)
    if find_hold(conn) is not None:
        problems.append(LaunchProblem.HELD_AFTER_RESTORE)
    return problems


def launch(
    conn: psycopg.Connection, campaign_id: UUID, letter: LetterFacts, *, by: str, now: datetime
) -> int:
    """Set a checked draft on its way, with the versions of letter and segment as they are now.

    Returns the number of its send. Planning begins within seconds, or shortly before its time.

    Raises:
        Refused: something stands against it; the message names every reason.
    """
    campaign = find_campaign(conn, campaign_id)
    problems = list_launch_problems(conn, campaign, now)
    if problems:
        raise Refused("The campaign cannot start: {problems}.", problems=", ".join(problems))
    schedule = campaign.schedule
    send_id = create_send(conn, _send_of(campaign, letter, now), by=by, now=now)
    starts_at = schedule.starts_at(now)
    segment = campaign.segment_id and _find_segment(conn, campaign.segment_id, None)
    fields = {
        "id": campaign_id,
        "state": "planning" if starts_at <= now else "scheduled",
        "segment_version": segment[0] if segment else None,
        "letter_version": letter.version,
        "send_id": send_id,
        "starts_at": starts_at,
        "now": now,
    }
    if conn.execute(SQL.launch_campaign, fields).fetchone() is None:
        raise Conflict()
    return send_id


def pause_campaign(conn: psycopg.Connection, campaign_id: UUID, *, now: datetime) -> None:
    """Hand nothing more over once the caller has committed. Waits for hand-offs under way.

    Raises:
        Refused: it is not under way.
    """
    send_id, _ = _change(conn, campaign_id, "paused", ["planning", "running"], now)
    conn.execute(SQL.set_send_state, {"id": send_id, "state": "paused", "from": ["open"]})


def resume_campaign(conn: psycopg.Connection, campaign_id: UUID, *, now: datetime) -> None:
    """Go on where it was paused.

    Raises:
        Refused: it is not paused.
    """
    send_id, planned_at = _change(conn, campaign_id, "running", ["paused"], now)
    if planned_at is None:
        _change(conn, campaign_id, "planning", ["running"], now)
    conn.execute(SQL.set_send_state, {"id": send_id, "state": "open", "from": ["paused"]})
    wake_dispatchers(conn)


def cancel_campaign(conn: psycopg.Connection, campaign_id: UUID, *, now: datetime) -> int:
    """Stop for good: what was not handed over stays silent. Returns how many messages that are.

    What was handed over before keeps its result. Nothing is handed over once the caller has committed;
    the first ten thousand rows say so at once, dispatchers go through the rest in the background.

    Raises:
        Refused: it is over already, or was never launched.
    """
    send_id, _ = _change(conn, campaign_id, "cancelled", _UNDER_WAY, now)
    conn.execute(SQL.set_send_state, {"id": send_id, "state": "closed", "from": ["open", "paused"]})
    waiting = conn.execute(SQL.count_waiting, {"send_id": send_id}).fetchone()
    silence_some(conn, send_id, now)
    return waiting[0] if waiting else 0


def silence_some(conn: psycopg.Connection, send_id: int, now: datetime) -> int:
    """End a part of what waits of a cancelled send; returns how many rows that were, 0 at the end."""
    args = {"send_id": send_id, "now": now, "limit": _SILENCED_AT_ONCE}
    args["reason"] = SilentReason.CANCELLED.value
    return conn.execute(SQL.silence_send, args).rowcount


def list_cancelled_with_rest(conn: psycopg.Connection, now: datetime) -> list[int]:
    """Sends of cancelled campaigns of which something still waits to be ended."""
    since = {"since": now - timedelta(days=30)}
    return [row[0] for row in conn.execute(SQL.list_cancelled_with_rest, since)]


def find_definition(conn: psycopg.Connection, campaign: Campaign) -> object | None:
    """The condition that the campaign's segment meant when it was launched, or means now for a
    draft; None is everyone."""
    if campaign.segment_id is None:
        return None
    row = _find_segment(conn, campaign.segment_id, campaign.segment_version)
    if row is None:
        raise Refused("The segment was removed.")
    return row[1]


def _find_segment(conn: psycopg.Connection, segment_id: UUID, version: int | None) -> tuple | None:
    args = {"id": segment_id, "version": version}
    return conn.execute(SQL.find_segment_definition, args).fetchone()


def _send_of(campaign: Campaign, letter: LetterFacts, now: datetime) -> NewSend:
    return NewSend(
        kind="campaign",
        message_kind=letter.kind,
        topic=letter.topic,
        letter_id=campaign.letter_id,
        letter_version=letter.version,
        holdout_share=campaign.holdout_share,
        expires_at=campaign.schedule.ends_at(now) + WINDOW,
    )


def _is_over(campaign: Campaign, now: datetime) -> bool:
    schedule = campaign.schedule
    if schedule.at is not None:
        return schedule.at < now - WINDOW
    return schedule.day is not None and schedule.ends_at(now) <= now


def _change(
    conn: psycopg.Connection, campaign_id: UUID, state: str, since: list[str], now: datetime
) -> tuple[int, datetime | None]:
    args = {"id": campaign_id, "state": state, "from": since, "now": now, "reason": None}
    row = conn.execute(SQL.set_campaign_state, args).fetchone()
    if row is None:
        current = find_campaign(conn, campaign_id).state
        raise Refused(
            "The campaign is {was}; that cannot become {state}.", was=current, state=state
        )
    return row[0], row[1]


def _check_draft(draft: Draft) -> None:
    if not draft.name.strip() or len(draft.name) > 200:
        raise InputError("A campaign needs a name of 1 to 200 characters.")
    if not 0 <= draft.holdout_share < 1:
        raise InputError("The holdout is a share from 0 to less than 1.")

"""A campaign as a value: what, to whom, when."""

from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec

from dangol.decide.guard.hours import instant_of, known_zone
from dangol.errors import InputError


class CampaignState(StrEnum):
    """Where a campaign stands: `draft → scheduled → planning → running → done`."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    PLANNING = "planning"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    CANCELLED = "cancelled"


A_DAY = timedelta(hours=24)
"""Within it everybody has a best hour."""


class Schedule(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """When: now (nothing given), at one moment, at a time of day wherever each person is, or within
    24 hours of now or of a moment at the best hour of each person."""

    at: datetime | None = None
    day: date | None = None
    local_time: time | None = None
    best_hour: bool = False

    def starts_at(self, now: datetime) -> datetime:
        """The earliest moment at which a message may fall due anywhere."""
        if self.day is None or self.local_time is None:
            return max(self.at or now, now)
        return max(now, instant_of(self.day, self.local_time, "Pacific/Kiritimati"))

    def ends_at(self, now: datetime) -> datetime:
        """The latest moment at which a message falls due anywhere."""
        if self.day is None or self.local_time is None:
            return max(self.at or now, now) + (A_DAY if self.best_hour else timedelta(0))
        return max(now, instant_of(self.day, self.local_time, "Etc/GMT+12"))

    def due_at(self, zone: str | None, brand_zone: str, now: datetime) -> datetime:
        """When a person in `zone` is due, at the earliest where best hours are asked for. A moment
        that is past already means `now`.

        A local time that the clocks skip is moved forward, one that they show twice is the first.
        """
        if self.day is None or self.local_time is None:
            return max(self.at or now, now)
        return max(now, instant_of(self.day, self.local_time, known_zone(zone, brand_zone)))


def parse_schedule(raw: Any) -> Schedule:
    """A schedule from JSON: `{}`, `{"at": instant}` or `{"day": date, "local_time": "09:00"}`; the
    first two also with `"best_hour": true`.

    Raises:
        InputError: it is none of these.
    """
    try:
        schedule = msgspec.convert(raw, Schedule)
    except msgspec.ValidationError as error:
        raise InputError("This is no time to send at: {error}", error=error) from None
    if schedule.at is not None and schedule.at.tzinfo is None:
        raise InputError("The moment needs an offset, such as 2026-12-01T09:00:00+09:00.")
    if schedule.at is not None and (schedule.day or schedule.local_time):
        raise InputError("Give one moment, or a day with a time of day; not both.")
    if (schedule.day is None) != (schedule.local_time is None):
        raise InputError("A local time of day needs a day, and a day a time.")
    if schedule.best_hour and schedule.day is not None:
        raise InputError("Give a time of day or ask for best hours; not both.")
    return schedule


WINDOW = timedelta(hours=72)
"""What could not be handed over so long after it fell due stays silent: news gets stale."""


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """What the team decides about a campaign."""

    name: str
    segment_id: UUID | None = None
    """None is everyone."""
    letter_id: UUID | None = None
    schedule: Schedule = Schedule()
    holdout_share: float = 0.0


class Campaign(msgspec.Struct, frozen=True, kw_only=True):
    """One campaign as it stands."""

    id: UUID
    name: str
    state: CampaignState
    segment_id: UUID | None
    segment_version: int | None
    letter_id: UUID | None
    letter_version: int | None
    send_id: int | None
    schedule: Schedule
    holdout_share: float
    created_at: datetime
    created_by: str
    changed_at: datetime
    starts_at: datetime | None
    launched_at: datetime | None
    planned_at: datetime | None
    finished_at: datetime | None
    state_reason: str | None


AT_HOUR = "hour_"
"""How the names of groups of an audience begin that get it at one hour of their own clock."""


class LaunchProblem(StrEnum):
    """Why a campaign cannot be launched, apart from what is wrong with its letter."""

    NOT_A_DRAFT = "not_a_draft"
    NO_LETTER = "no_letter"
    NO_SEGMENT = "no_segment"
    """The segment was removed."""
    IN_THE_PAST = "in_the_past"
    HELD_AFTER_RESTORE = "held_after_restore"
    """After a restore nothing is sent until the owner confirms."""

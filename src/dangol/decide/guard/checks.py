"""The checks themselves, in the order in which they are asked.

Each check exists twice: `one` for a person, `many` for columns; a property test holds the two
together. Each says which kinds of message it applies to: what a customer asked for (service,
conversation) passes only address, suppression of everything, content and sender; a conversation
that we begin has to pass nearly all that a letter has to.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dangol.decide.guard.facts import (
    ALL_SUPPRESSED,
    CONSENTS,
    ERASED,
    MARKETING_SUPPRESSED,
    MERGED,
    PRESENT,
    STAGES,
    Occasion,
    PeopleFacts,
    PersonFacts,
    microseconds,
)
from dangol.decide.guard.hours import known_zone, leave_until, quiet_until
from dangol.decide.guard.rules import Rules
from dangol.know.attention.tariff import COST, needed
from dangol.model.consent import ConsentState
from dangol.model.message import MessageKind
from dangol.model.reason import DeferReason, Reason, SilentReason
from dangol.model.verdict import Allowed, Deferred, Silent, Verdict

ALL_KINDS = frozenset(MessageKind)
MARKETING = frozenset(kind for kind in MessageKind if kind.is_marketing)
_PRACTICE_DOMAIN = ".example"
"""Addresses of the practice shop; RFC 2606 keeps them free of real people."""


class Moment(msgspec.Struct, frozen=True):
    """What a check is held against besides the person."""

    occasion: Occasion
    rules: Rules
    now: datetime


class Refusals(msgspec.Struct, frozen=True):
    """Rows that a check refuses: which (booleans), why (a code for all, or one each), until when."""

    rows: NDArray[np.bool_]
    code: str
    other_rows: NDArray[np.bool_] | None = None
    """Rows that it refuses for another reason."""
    other_code: str = ""
    until: NDArray[np.int64] | None = None
    """For `rows` that only wait: microseconds since 1970 UTC, 0 elsewhere."""


class Check(msgspec.Struct, frozen=True):
    """One named question."""

    name: str
    kinds: frozenset[MessageKind]
    one: Callable[[PersonFacts, Moment], Verdict]
    many: Callable[[PeopleFacts, Moment], Refusals]
    at_hand_off_only: bool = False
    """Its answer depends on the moment of handing over, so it is not asked when planning."""
    when_begun: bool = False
    """Asked also when we begin a conversation, whatever its kind."""


_ALLOWED = Allowed()


def _silent(code: SilentReason, **seen: Any) -> Silent:
    return Silent(Reason(code.value, seen))


# -- idempotency: one address, one message ---------------------------------------------------


def _shared_one(person: PersonFacts, moment: Moment) -> Verdict:
    return _silent(SilentReason.SHARED_ADDRESS) if person.shares_address else _ALLOWED


def _shared_many(people: PeopleFacts, moment: Moment) -> Refusals:
    return Refusals(people.shares_address, SilentReason.SHARED_ADDRESS)


# -- the person is still there ---------------------------------------------------------------


def _present_one(person: PersonFacts, moment: Moment) -> Verdict:
    if person.gone == PRESENT:
        return _ALLOWED
    return _silent(SilentReason.MERGED if person.gone == MERGED else SilentReason.ERASED)


def _present_many(people: PeopleFacts, moment: Moment) -> Refusals:
    erased = people.gone == ERASED
    return Refusals(people.gone == MERGED, SilentReason.MERGED, erased, SilentReason.ERASED)


# -- address usable --------------------------------------------------------------------------


def is_usable(address: str, *, is_practice: bool) -> bool:
    """Whether mail to `address` can be tried at all over this channel."""
    return "@" in address and (is_practice or not address.endswith(_PRACTICE_DOMAIN))


def _address_one(person: PersonFacts, moment: Moment) -> Verdict:
    if person.address is None:
        return _silent(SilentReason.NO_ADDRESS)
    if is_usable(person.address, is_practice=moment.occasion.is_practice):
        return _ALLOWED
    return _silent(SilentReason.BAD_ADDRESS, domain=person.address.rpartition("@")[2])


def _address_many(people: PeopleFacts, moment: Moment) -> Refusals:
    practice = moment.occasion.is_practice
    missing = np.array([address is None for address in people.address], np.bool_)
    bad = np.array(
        [a is not None and not is_usable(a, is_practice=practice) for a in people.address],
        np.bool_,
    )
    return Refusals(missing, SilentReason.NO_ADDRESS, bad, SilentReason.BAD_ADDRESS)


# -- suppression -----------------------------------------------------------------------------


def _least_suppression(moment: Moment) -> int:
    """From which coverage on a suppression holds for this kind of message."""
    return MARKETING_SUPPRESSED if moment.occasion.needs_leave else ALL_SUPPRESSED


def _suppression_one(person: PersonFacts, moment: Moment) -> Verdict:
    if person.suppression < _least_suppression(moment):
        return _ALLOWED
    covers = "everything" if person.suppression == ALL_SUPPRESSED else "marketing"
    return _silent(SilentReason.SUPPRESSED, covers=covers)


def _suppression_many(people: PeopleFacts, moment: Moment) -> Refusals:
    return Refusals(people.suppression >= _least_suppression(moment), SilentReason.SUPPRESSED)


# -- lawful basis and consent for channel and topic -----------------------------------------


def _consent_one(person: PersonFacts, moment: Moment) -> Verdict:
    answers = (person.consent, person.topic_consent)
    seen = {"consent": person.consent.value, "topic": person.topic_consent}
    if ConsentState.WITHDRAWN in answers:
        return _silent(SilentReason.WITHDRAWN, **seen)
    if ConsentState.DENIED in answers or ConsentState.GRANTED not in answers:
        return _silent(SilentReason.NO_CONSENT, **seen)
    return _ALLOWED


def _consent_many(people: PeopleFacts, moment: Moment) -> Refusals:
    def any_is(state: ConsentState) -> NDArray[np.bool_]:
        index = CONSENTS.index(state)
        return (people.consent == index) | (people.topic_consent == index)

    refused = any_is(ConsentState.DENIED) | ~any_is(ConsentState.GRANTED)
    withdrawn = any_is(ConsentState.WITHDRAWN)
    return Refusals(
        withdrawn, SilentReason.WITHDRAWN, refused & ~withdrawn, SilentReason.NO_CONSENT
    )


# -- objection and pause ---------------------------------------------------------------------


def _objection_one(person: PersonFacts, moment: Moment) -> Verdict:
    return _silent(SilentReason.OBJECTED) if person.has_objected else _ALLOWED


def _objection_many(people: PeopleFacts, moment: Moment) -> Refusals:
    return Refusals(people.has_objected, SilentReason.OBJECTED)


def _pause_one(person: PersonFacts, moment: Moment) -> Verdict:
    if person.paused_until is None or person.paused_until <= moment.now:
        return _ALLOWED
    return _silent(SilentReason.PAUSED, until=person.paused_until.isoformat())


def _pause_many(people: PeopleFacts, moment: Moment) -> Refusals:
    return Refusals(people.paused_until > microseconds(moment.now), SilentReason.PAUSED)


# -- stage fits kind, open complaint -----------------------------------------------------------


def _stage_one(person: PersonFacts, moment: Moment) -> Verdict:
    refused = moment.rules.refused_stages.get(moment.occasion.kind, frozenset())
    if person.stage not in refused:
        return _ALLOWED
    return _silent(SilentReason.WRONG_STAGE, stage=person.stage.value)


def _stage_many(people: PeopleFacts, moment: Moment) -> Refusals:
    refused = moment.rules.refused_stages.get(moment.occasion.kind, frozenset())
    codes = np.array([STAGES.index(stage) for stage in refused], np.int8)
    return Refusals(np.isin(people.stage, codes), SilentReason.WRONG_STAGE)


def _complaint_one(person: PersonFacts, moment: Moment) -> Verdict:
    return _silent(SilentReason.OPEN_COMPLAINT) if person.has_open_complaint else _ALLOWED


def _complaint_many(people: PeopleFacts, moment: Moment) -> Refusals:
    return Refusals(people.has_open_complaint, SilentReason.OPEN_COMPLAINT)


# -- frequency, attention and hours -----------------------------------------------------------------------


def _frequency_one(person: PersonFacts, moment: Moment) -> Verdict:
    rules = moment.rules
    if person.handed_day < rules.per_day and person.handed_week < rules.per_week:
        return _ALLOWED
    return _silent(
        SilentReason.TOO_OFTEN,
        day=person.handed_day,
        per_day=rules.per_day,
        week=person.handed_week,
        per_week=rules.per_week,
    )


def _frequency_many(people: PeopleFacts, moment: Moment) -> Refusals:
    rules = moment.rules
    over = (people.handed_day >= rules.per_day) | (people.handed_week >= rules.per_week)
    return Refusals(over, SilentReason.TOO_OFTEN)


def _attention_one(person: PersonFacts, moment: Moment) -> Verdict:
    care = moment.rules.care
    least = needed(person.stage, COST["email"], care)
    if not care or person.attention >= least:
        return _ALLOWED
    return _silent(
        SilentReason.NEEDS_REST,
        attention=round(person.attention, 2),
        needed=least,
        cost=COST["email"],
        stage=person.stage.value,
    )


def _attention_many(people: PeopleFacts, moment: Moment) -> Refusals:
    care = moment.rules.care
    if not care:
        return Refusals(_everyone(people, False), SilentReason.NEEDS_REST)
    least = np.array([needed(stage, COST["email"], care) for stage in STAGES])
    return Refusals(people.attention < least[people.stage], SilentReason.NEEDS_REST)


def _hours_one(person: PersonFacts, moment: Moment) -> Verdict:
    rules, expires_at = moment.rules, moment.occasion.expires_at
    zone = known_zone(person.zone, rules.zone)
    until = quiet_until(moment.now, rules.quiet_from, rules.quiet_until, zone)
    if until is None:
        return _ALLOWED
    if expires_at is not None and until >= expires_at:
        return _silent(SilentReason.QUIET_HOURS, until=until.isoformat(), zone=zone)
    seen = {"until": until.isoformat(), "zone": zone}
    return Deferred(until, Reason(DeferReason.QUIET_HOURS.value, seen))


def _hours_many(people: PeopleFacts, moment: Moment) -> Refusals:
    rules, expires_at = moment.rules, moment.occasion.expires_at
    ends = {
        zone: microseconds(
            quiet_until(
                moment.now, rules.quiet_from, rules.quiet_until, known_zone(zone, rules.zone)
            )
        )
        for zone in set(people.zone)
    }
    until = np.array([ends[zone] for zone in people.zone], np.int64)
    last = microseconds(expires_at) if expires_at is not None else np.iinfo(np.int64).max
    waits = (until > 0) & (until < last)
    return Refusals(
        waits,
        DeferReason.QUIET_HOURS,
        (until > 0) & ~waits,
        SilentReason.QUIET_HOURS,
        until * waits,
    )


def may_leave_until(zones: Iterable[str | None], moment: Moment, limit: datetime) -> datetime:
    """Until when messages that are allowed now may leave to people of these zones: `limit`, or
    before it the first beginning of somebody's quiet hours, or the end of the campaign's window."""
    rules, occasion = moment.rules, moment.occasion
    ends = [limit] if occasion.expires_at is None else [limit, occasion.expires_at]
    if occasion.needs_leave:
        ends += [
            leave_until(moment.now, limit, rules.quiet_from, rules.quiet_until, zone)
            for zone in {known_zone(zone, rules.zone) for zone in zones}
        ]
    return min(ends)


# -- content still fresh, sender, holdout ------------------------------------------------------


def _everyone(people: PeopleFacts, is_refused: bool) -> NDArray[np.bool_]:
    return np.full(len(people), is_refused, np.bool_)


def _is_expired(moment: Moment) -> bool:
    expires_at = moment.occasion.expires_at
    return expires_at is not None and expires_at <= moment.now


def _fresh_one(person: PersonFacts, moment: Moment) -> Verdict:
    return _silent(SilentReason.EXPIRED) if _is_expired(moment) else _ALLOWED


def _fresh_many(people: PeopleFacts, moment: Moment) -> Refusals:
    return Refusals(_everyone(people, _is_expired(moment)), SilentReason.EXPIRED)


def _sender_one(person: PersonFacts, moment: Moment) -> Verdict:
    return _ALLOWED if moment.occasion.has_sender else _silent(SilentReason.NO_SENDER)


def _sender_many(people: PeopleFacts, moment: Moment) -> Refusals:
    return Refusals(_everyone(people, not moment.occasion.has_sender), SilentReason.NO_SENDER)


_MASK = (1 << 64) - 1
_GOLDEN, _MIX_A, _MIX_B = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def holdout_draw(send_id: int, customer_id: int) -> float:
    """A number in [0, 1) that is this person's for this send, for ever: SplitMix64's finaliser
    (Steele, Lea, Flood 2014, fig. 15) of both ids."""
    z = (customer_id * _GOLDEN + send_id * _MIX_A) & _MASK
    z = ((z ^ (z >> 30)) * _MIX_A) & _MASK
    z = ((z ^ (z >> 27)) * _MIX_B) & _MASK
    return ((z ^ (z >> 31)) >> 11) / 2**53


def draws(send_id: int, customers: NDArray[np.int64]) -> NDArray[np.float64]:
    """`holdout_draw` of many people; another number in place of the send gives other draws."""
    offset = np.uint64(send_id * _MIX_A & _MASK)
    z = customers.astype(np.uint64) * np.uint64(_GOLDEN) + offset
    z = (z ^ (z >> np.uint64(30))) * np.uint64(_MIX_A)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(_MIX_B)
    return ((z ^ (z >> np.uint64(31))) >> np.uint64(11)).astype(np.float64) / 2**53


def _holdout_one(person: PersonFacts, moment: Moment) -> Verdict:
    share = moment.occasion.holdout_share
    if holdout_draw(moment.occasion.send_id, person.customer_id) >= share:
        return _ALLOWED
    return _silent(SilentReason.HELD_OUT, share=share)


def _holdout_many(people: PeopleFacts, moment: Moment) -> Refusals:
    share = moment.occasion.holdout_share
    if share <= 0:
        return Refusals(_everyone(people, False), SilentReason.HELD_OUT)
    drawn = draws(moment.occasion.send_id, people.customer_id)
    return Refusals(drawn < share, SilentReason.HELD_OUT)


CHECKS: Sequence[Check] = (
    Check("one_per_address", ALL_KINDS, _shared_one, _shared_many),
    Check("present", ALL_KINDS, _present_one, _present_many),
    Check("address", ALL_KINDS, _address_one, _address_many),
    Check("suppression", ALL_KINDS, _suppression_one, _suppression_many),
    Check("consent", MARKETING, _consent_one, _consent_many, when_begun=True),
    Check("objection", MARKETING, _objection_one, _objection_many, when_begun=True),
    Check("pause", MARKETING, _pause_one, _pause_many, when_begun=True),
    Check("stage", MARKETING, _stage_one, _stage_many),
    Check("complaint", MARKETING, _complaint_one, _complaint_many, when_begun=True),
    Check("frequency", MARKETING, _frequency_one, _frequency_many, True, when_begun=True),
    Check("attention", MARKETING, _attention_one, _attention_many, True, when_begun=True),
    Check("hours", MARKETING, _hours_one, _hours_many, True, when_begun=True),
    Check("content", ALL_KINDS, _fresh_one, _fresh_many, True),
    Check("sender", ALL_KINDS, _sender_one, _sender_many),
    Check("holdout", MARKETING, _holdout_one, _holdout_many, True),
)
"""In the order of asking. The rate of the provider is not asked here: it paces the dispatcher."""

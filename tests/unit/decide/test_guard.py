"""The guard: which check says what about which kind, and one person as many."""

from datetime import UTC, datetime, time, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dangol.decide.guard import Occasion, PersonFacts, Rules, check_one, explain_all, judge
from dangol.decide.guard.checks import CHECKS, Moment
from dangol.decide.guard.facts import people_facts, row_of
from dangol.decide.guard.judge import ALLOWED, DEFERRED, HELD_OUT, SILENT
from dangol.decide.guard.rules import parse_rules
from dangol.errors import InputError
from dangol.model.consent import ConsentState
from dangol.model.message import MessageKind
from dangol.model.stage import Stage
from dangol.model.verdict import Allowed, Deferred, Silent

NOW = datetime(2026, 5, 1, 3, 0, tzinfo=UTC)  # noon in Seoul
FINE = PersonFacts(customer_id=5, address="a@b.kr", consent=ConsentState.GRANTED)
RULES = Rules()

ZONES = st.sampled_from(
    [None, "Asia/Seoul", "America/New_York", "Australia/Lord_Howe", "Nowhere/At_All", "UTC"]
)
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))
PEOPLE = st.builds(
    PersonFacts,
    customer_id=st.integers(1, 2**62),
    gone=st.integers(0, 2),
    address=st.sampled_from([None, "a@b.kr", "a@b.example", "nobody"]),
    suppression=st.integers(0, 2),
    consent=st.sampled_from(ConsentState),
    topic_consent=st.none() | st.sampled_from(ConsentState),
    has_objected=st.booleans(),
    paused_until=st.none() | MOMENTS,
    stage=st.sampled_from(Stage),
    has_open_complaint=st.booleans(),
    handed_day=st.integers(0, 2),
    handed_week=st.integers(0, 5),
    zone=ZONES,
    shares_address=st.booleans(),
    attention=st.floats(0, 20),
)
MOSTLY_FINE = st.builds(
    lambda base, changes: msgspec.structs.replace(base, **changes),
    st.just(FINE),
    st.fixed_dictionaries(
        {},
        optional={
            "customer_id": st.integers(1, 2**62),
            "zone": ZONES,
            "handed_day": st.integers(0, 1),
            "paused_until": MOMENTS,
            "stage": st.sampled_from(Stage),
            "attention": st.sampled_from([0.0, 4.0, 6.0, 8.0, 9.5, 20.0]) | st.floats(0, 20),
        },
    ),
)
OCCASIONS = st.builds(
    Occasion,
    send_id=st.integers(1, 2**62),
    kind=st.sampled_from(MessageKind),
    has_sender=st.booleans(),
    is_practice=st.booleans(),
    holdout_share=st.sampled_from([0.0, 0.1, 0.9]),
    expires_at=st.none() | MOMENTS,
    plans_only=st.booleans(),
    is_begun=st.booleans(),
)
RULE_SETS = st.builds(
    Rules,
    per_day=st.integers(0, 2),
    per_week=st.integers(0, 5),
    care=st.sampled_from([0.0, 0.5, 1.0, 1.5]),
    quiet_from=st.times(),
    quiet_until=st.times(),
    zone=st.sampled_from(["Asia/Seoul", "America/Santiago"]),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(PEOPLE | MOSTLY_FINE, max_size=6), OCCASIONS, RULE_SETS, MOMENTS)
def test_many_are_judged_as_each_alone(
    people: list[PersonFacts], occasion: Occasion, rules: Rules, now: datetime
) -> None:
    columns = people_facts([row_of(person) for person in people])
    verdicts = judge(columns, occasion, rules, now)
    for row, person in enumerate(people):
        assert columns.person(row) == person
        alone = check_one(person, occasion, rules, now)
        reason = verdicts.reason(row, columns, Moment(occasion, rules, now))
        if isinstance(alone, Allowed):
            assert verdicts.outcome[row] == ALLOWED
            assert reason is None
            continue
        assert reason == alone.reason
        assert verdicts.code[row] == alone.reason.code
        if isinstance(alone, Deferred):
            assert verdicts.outcome[row] == DEFERRED
            assert alone.until > now
            assert timedelta(microseconds=int(verdicts.until[row])) == alone.until - datetime(
                1970, 1, 1, tzinfo=UTC
            )
        else:
            assert verdicts.outcome[row] in (SILENT, HELD_OUT)
            assert (verdicts.outcome[row] == HELD_OUT) == (alone.reason.code == "held_out")


def verdict_about(kind: MessageKind, *, is_begun: bool = False, **facts: object) -> str:
    person = msgspec.structs.replace(FINE, **facts)
    occasion = Occasion(send_id=1, kind=kind, is_begun=is_begun)
    verdict = check_one(person, occasion, RULES, NOW)
    return "allowed" if isinstance(verdict, Allowed) else verdict.reason.code


@pytest.mark.parametrize(
    ("facts", "marketing", "service"),
    [
        ({}, "allowed", "allowed"),
        ({"address": None}, "no_address", "no_address"),
        ({"address": "x@practice.example"}, "bad_address", "bad_address"),
        ({"gone": 1}, "merged", "merged"),
        ({"gone": 2}, "erased", "erased"),
        ({"suppression": 1}, "suppressed", "allowed"),
        ({"suppression": 2}, "suppressed", "suppressed"),
        ({"consent": ConsentState.UNKNOWN}, "no_consent", "allowed"),
        ({"consent": ConsentState.DENIED}, "no_consent", "allowed"),
        ({"consent": ConsentState.WITHDRAWN}, "withdrawn", "allowed"),
        ({"topic_consent": ConsentState.WITHDRAWN}, "withdrawn", "allowed"),
        ({"has_objected": True}, "objected", "allowed"),
        ({"paused_until": NOW + timedelta(days=1)}, "paused", "allowed"),
        ({"paused_until": NOW}, "allowed", "allowed"),
        ({"has_open_complaint": True}, "open_complaint", "allowed"),
        ({"handed_day": 1}, "too_often", "allowed"),
        ({"handed_week": 4}, "too_often", "allowed"),
        ({"handed_week": 3}, "allowed", "allowed"),
        ({"attention": 5.9}, "needs_rest", "allowed"),
        ({"attention": 6.0}, "allowed", "allowed"),
        ({"zone": "America/New_York"}, "quiet_hours", "allowed"),
        ({"shares_address": True}, "shared_address", "shared_address"),
    ],
)
def test_each_fact_stops_the_kinds_it_should(
    facts: dict[str, object], marketing: str, service: str
) -> None:
    for kind in MessageKind:
        expected = marketing if kind.is_marketing else service
        assert verdict_about(kind, **facts) == expected, kind
    begun = verdict_about(MessageKind.CONVERSATION, is_begun=True, **facts)
    assert begun == marketing, "nobody asked for it"


def test_a_topic_alone_is_enough_and_takes_precedence() -> None:
    topic = {"consent": ConsentState.UNKNOWN, "topic_consent": ConsentState.GRANTED}
    assert verdict_about(MessageKind.NEWS, **topic) == "allowed"
    refused = {"consent": ConsentState.GRANTED, "topic_consent": ConsentState.DENIED}
    assert verdict_about(MessageKind.NEWS, **refused) == "no_consent"


@pytest.mark.parametrize("stage", Stage)
def test_no_win_back_to_those_who_are_here(stage: Stage) -> None:
    refused = stage in {Stage.NEW, Stage.ACTIVE, Stage.LOYAL}
    expected = "wrong_stage" if refused else "allowed"
    assert verdict_about(MessageKind.WINBACK, stage=stage) == expected


@pytest.mark.parametrize(
    ("stage", "least"), [(Stage.LOYAL, 4.0), (Stage.LAPSING, 8.0), (Stage.INACTIVE, 9.5)]
)
def test_the_further_away_somebody_is_the_more_rest_they_need(stage: Stage, least: float) -> None:
    assert verdict_about(MessageKind.NEWS, stage=stage, attention=least) == "allowed"
    assert verdict_about(MessageKind.NEWS, stage=stage, attention=least - 0.01) == "needs_rest"


@pytest.mark.parametrize("attention", [None, {}, {"care": "usual"}])
def test_attention_is_asked_unless_it_is_switched_off(attention: dict[str, str] | None) -> None:
    assert parse_rules(None, None, "UTC", attention).care == 1.0
    assert parse_rules(None, None, "UTC", {"care": "off"}).care == 0.0
    with pytest.raises(InputError):
        parse_rules(None, None, "UTC", {"care": 2})


def test_quiet_hours_wait_for_the_morning_there() -> None:
    occasion = Occasion(send_id=1, kind=MessageKind.NEWS)
    person = msgspec.structs.replace(FINE, zone="America/New_York")  # 23:00 the day before
    verdict = check_one(person, occasion, RULES, NOW)
    assert isinstance(verdict, Deferred)
    assert verdict.until == datetime(2026, 5, 1, 12, tzinfo=UTC)
    late = msgspec.structs.replace(occasion, expires_at=verdict.until)
    assert isinstance(check_one(person, late, RULES, NOW), Silent)


def test_explaining_runs_every_check_that_applies() -> None:
    occasion = Occasion(send_id=1, kind=MessageKind.NEWS)
    person = msgspec.structs.replace(FINE, has_objected=True, handed_day=3)
    said = dict(explain_all(person, occasion, RULES, NOW))
    assert list(said) == [check.name for check in CHECKS]
    refused = [name for name, verdict in said.items() if not isinstance(verdict, Allowed)]
    assert refused == ["objection", "frequency"]


def test_a_holdout_is_about_its_share_and_always_the_same_people() -> None:
    occasion = Occasion(send_id=9, kind=MessageKind.NEWS, holdout_share=0.25)
    people = [msgspec.structs.replace(FINE, customer_id=one) for one in range(1, 4001)]
    columns = people_facts([row_of(person) for person in people])
    held = judge(columns, occasion, RULES, NOW).outcome == HELD_OUT
    assert abs(held.mean() - 0.25) < 0.03
    other = judge(columns, msgspec.structs.replace(occasion, send_id=10), RULES, NOW)
    assert 0.02 < (held & (other.outcome == HELD_OUT)).mean() < 0.11


def test_rules_are_read_from_settings() -> None:
    rules = parse_rules({"per_day": 2}, {"from": "22:30"}, "UTC")
    assert (rules.per_day, rules.per_week, rules.quiet_from) == (2, 4, time(22, 30))
    for caps, hours in (({"per_day": "many"}, None), ({"per_day": -1}, None), (None, {"from": 9})):
        with pytest.raises(InputError):
            parse_rules(caps, hours, "UTC")

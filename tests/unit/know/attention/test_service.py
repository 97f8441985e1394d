"""Events become ledger entries: what a message costs, and the most that comes back for it."""

from datetime import UTC, datetime, timedelta

import pytest

from dangol.know.attention.ledger import Kind
from dangol.know.attention.service import Heard, entries_of, judge
from dangol.model.stage import Stage

NOW = datetime(2026, 11, 20, tzinfo=UTC)
DAY = timedelta(days=1)


def sent(days: float, send_id: str = "1", **more) -> Heard:
    return Heard(name="Message Sent", time=NOW + days * DAY, send_id=send_id, **more)


def did(name: str, days: float, **more) -> Heard:
    return Heard(name=name, time=NOW + days * DAY, **more)


def amounts(*heard: Heard) -> list[tuple[Kind, float]]:
    ordered = sorted(heard, key=lambda event: event.time)
    return [(kind, amount) for _, kind, amount in entries_of(ordered, "Visit")]


def test_a_letter_costs_and_the_best_answer_to_it_comes_back_once() -> None:
    found = amounts(
        sent(0, channel="email"),
        did("Message Opened", 0.1, send_id="1"),
        did("Message Opened", 0.2, send_id="1"),
        did("Message Clicked", 0.3, send_id="1"),
        did("Message Clicked", 0.4, send_id="1"),
    )
    assert found == [(Kind.SENT, 2.0), (Kind.GIVEN, 1.0), (Kind.GIVEN, 1.0)]


@pytest.mark.parametrize(
    "event",
    [
        did("Message Opened", 1, send_id="1", is_machine=True),
        did("Message Clicked", 3.1, send_id="1"),
        did("Message Clicked", 1, send_id="9"),
    ],
)
def test_machines_latecomers_and_strangers_give_nothing_back(event: Heard) -> None:
    assert amounts(sent(0), event) == [(Kind.SENT, 2.0)]


def test_the_same_letter_again_costs_more_and_service_nothing() -> None:
    again = amounts(sent(0, letter_id="a"), sent(10, "2", letter_id="a"), sent(11, "3"))
    assert [amount for _, amount in again] == [2.0, 3.0, 2.0]
    assert amounts(sent(0, kind="service")) == [(Kind.SENT, 0.0)]


def test_own_acts_give_and_the_relationship_event_is_the_shops_choice() -> None:
    given = amounts(did("Visit", 0), did("Page Viewed", 1), did("Order Completed", 2))
    assert given == [(Kind.GIVEN, 3.0), (Kind.GIVEN, 1.0)]


def test_leaving_and_complaining_count_against_us() -> None:
    events = [did("Consent Changed", 0, state="withdrawn"), did("Consent Changed", 1, state="granted"),
              did("Message Complained", 2)]  # fmt: skip
    assert [kind for kind, _ in amounts(*events)] == [Kind.LEFT_CHANNEL, Kind.COMPLAINED]


def test_the_judgement_is_by_stage() -> None:
    entries = entries_of([sent(-2, "1"), sent(-1, "2")], "Visit")
    assert judge(entries, Stage.LOYAL, NOW).may_write
    assert not judge(entries, Stage.INACTIVE, NOW).may_write
    assert judge([], Stage.ACTIVE, NOW).level == 10

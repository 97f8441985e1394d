"""Consent: what was answered holds, in every order, for whoever has the address, for ever."""

import datetime as dt
import threading
import time
from uuid import UUID

import msgspec
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from dangol.errors import InputError, Refused
from dangol.know.consent import (
    Answer,
    get_standing,
    grant,
    lift_objection,
    lift_suppression,
    list_ledger,
    merge_consents,
    object_to_marketing,
    pause,
    resume,
    suppress,
    withdraw,
)
from dangol.know.consent.fold import answers
from dangol.know.consent.store import SQL, stage
from dangol.model.consent import ConsentChange, ConsentState
from dangol.model.message import Channel
from dangol.store.pool import connect
from tests.integration.engine.conftest import NOW

HOUR = dt.timedelta(hours=1)
ANSWER = Answer(customer_id=7, actor="customer", source="one_click", evidence={"url": "/u/abc"})


@pytest.fixture
def known(conn, tell, apply) -> psycopg.Connection:
    """Two people at one address, one at another."""
    for customer_id, address in ((7, "a@shop.example"), (8, "a@shop.example"), (9, "b@b.example")):
        tell(customer_id, "Profile Updated", {"email": address}, time=NOW - 9 * HOUR)
    apply()
    return conn


def consent_of(conn: psycopg.Connection, customer_id: int) -> str:
    standing = get_standing(conn, customer_id)
    conn.rollback()
    return standing[0].consent


def blocks_of(conn: psycopg.Connection, customer_id: int) -> list[str]:
    standing = get_standing(conn, customer_id)
    conn.rollback()
    return standing[0].suppressions if standing else []


def imported(tell, customer_id: int, state: str, at: dt.datetime) -> None:
    props = {"channel": "email", "topic": "*", "state": state, "source": "import"}
    tell(customer_id, "Consent Changed", props, time=at, effect="history")


def test_a_withdrawal_holds_at_once_and_for_all_who_share_the_address(known, ground) -> None:
    withdraw(known, ground.journal, ANSWER, NOW)
    assert consent_of(known, 7) == "withdrawn"
    assert blocks_of(known, 7) == blocks_of(known, 8) == ["opt_out:marketing"]
    assert blocks_of(known, 9) == []
    [entry] = ground.journal.read().entries
    assert entry.action == "suppress"
    assert entry.reason == "opt_out"
    told = known.execute("select customer_id, props->>'state' from inbox").fetchall()
    assert told == [(7, "withdrawn")]


def test_the_event_of_a_withdrawal_is_applied_without_being_counted_twice(
    known, ground, apply
) -> None:
    withdraw(known, ground.journal, ANSWER, NOW)
    apply()
    assert len(list_ledger(known, 7)) == 1
    names = known.execute("select name from event_recent where customer_id = 7 order by 1")
    assert [name for (name,) in names] == ["Consent Changed", "Profile Updated"]


def test_an_import_never_undoes_an_opt_out(known, ground, tell, apply) -> None:
    imported(tell, 7, "granted", NOW - 3 * HOUR)
    apply()
    assert consent_of(known, 7) == "granted"
    withdraw(known, ground.journal, ANSWER, NOW)
    imported(tell, 7, "granted", NOW + 9 * HOUR)
    apply()
    assert consent_of(known, 7) == "withdrawn"
    assert blocks_of(known, 7) == ["opt_out:marketing"]


def test_an_import_may_tell_of_an_opt_out(known, tell, apply, ground) -> None:
    imported(tell, 7, "withdrawn", NOW)
    apply()
    assert blocks_of(known, 8) == ["opt_out:marketing"]
    assert len(ground.journal.read().entries) == 1


def test_an_opt_out_survives_the_owner_and_the_customer(known, ground, tell, apply) -> None:
    withdraw(known, ground.journal, ANSWER, NOW)
    known.execute("delete from customer where customer_id = 7")
    known.execute("delete from contact_point where customer_id = 7")
    known.execute("delete from contact_state where customer_id = 7")
    known.execute("delete from consent where customer_id = 7")
    known.commit()
    tell(77, "Profile Updated", {"email": "A@shop.example"}, time=NOW + HOUR)
    imported(tell, 77, "granted", NOW + HOUR)
    apply()
    assert consent_of(known, 77) == "granted"
    assert blocks_of(known, 77) == ["opt_out:marketing"]


def test_a_refusal_follows_the_person_to_another_address(known, ground, tell, apply) -> None:
    withdraw(known, ground.journal, ANSWER, NOW)
    tell(7, "Profile Updated", {"email": "new@shop.example"}, time=NOW + HOUR)
    apply()
    assert consent_of(known, 7) == "withdrawn"
    assert blocks_of(known, 7) == ["opt_out:marketing"]


def test_the_address_that_the_letter_went_to_is_blocked_too(known, ground) -> None:
    old = ground.keyring.address_hash("email", "b@b.example")
    withdraw(known, ground.journal, msgspec.structs.replace(ANSWER, address_hash=old), NOW)
    assert blocks_of(known, 7) == blocks_of(known, 9) == ["opt_out:marketing"]


def test_a_later_yes_with_evidence_lifts_the_opt_out(known, ground) -> None:
    withdraw(known, ground.journal, ANSWER, NOW)
    yes = msgspec.structs.replace(ANSWER, source="form", evidence={"form": "confirmed by mail"})
    grant(known, ground.journal, yes, NOW + HOUR)
    assert consent_of(known, 7) == "granted"
    assert blocks_of(known, 7) == []
    assert [entry.action for entry in ground.journal.read().entries] == ["suppress", "lift"]
    withdraw(known, ground.journal, ANSWER, NOW + 2 * HOUR)
    assert blocks_of(known, 7) == ["opt_out:marketing"]
    with pytest.raises(InputError, match="evidence"):
        grant(known, ground.journal, msgspec.structs.replace(yes, evidence={}), NOW)


def test_an_older_no_that_arrives_late_does_not_block_again(known, ground, tell, apply) -> None:
    yes = msgspec.structs.replace(ANSWER, source="form", evidence={"form": "x"})
    grant(known, ground.journal, yes, NOW)
    imported(tell, 7, "withdrawn", NOW - HOUR)
    apply()
    assert consent_of(known, 7) == "granted"
    assert blocks_of(known, 7) == []


def test_a_topic_is_refused_alone(known, ground) -> None:
    withdraw(known, ground.journal, msgspec.structs.replace(ANSWER, topic="offers"), NOW)
    [standing] = get_standing(known, 7)
    assert standing.consent == "unknown"
    assert standing.topics["offers"]["state"] == "withdrawn"
    assert standing.suppressions == []


def test_a_pause_ends_when_said(known, ground) -> None:
    until = NOW + dt.timedelta(days=14)
    pause(known, ground.journal, ANSWER, until, NOW)
    assert get_standing(known, 7)[0].paused_until == until
    known.rollback()
    resume(known, ground.journal, ANSWER, NOW + HOUR)
    assert get_standing(known, 7)[0].paused_until is None
    known.rollback()
    with pytest.raises(InputError, match="future"):
        pause(known, ground.journal, ANSWER, NOW, NOW)


def test_an_objection_outlives_a_new_consent(known, ground) -> None:
    object_to_marketing(known, ground.journal, ANSWER, NOW)
    yes = msgspec.structs.replace(ANSWER, source="form", evidence={"form": "x"})
    grant(known, ground.journal, yes, NOW + HOUR)
    assert get_standing(known, 7)[0].objected_at == NOW
    known.rollback()
    lift_objection(known, ground.journal, yes, NOW + 2 * HOUR)
    assert get_standing(known, 7)[0].objected_at is None


def test_a_bounce_is_lifted_by_a_member_and_an_opt_out_is_not(known, ground) -> None:
    digest = ground.keyring.address_hash("email", "a@shop.example")
    suppress(known, digest, "bounce", "everything", NOW, "550 no such user")
    known.commit()
    withdraw(known, ground.journal, ANSWER, NOW)
    assert blocks_of(known, 7) == ["bounce:everything", "opt_out:marketing"]
    assert lift_suppression(known, digest, "bounce", "member:1", NOW)
    assert not lift_suppression(known, digest, "opt_out", "member:1", NOW)
    known.commit()
    assert blocks_of(known, 7) == ["opt_out:marketing"]


def test_a_merge_keeps_the_stricter_answer_and_both_ledgers(known, ground, tell, apply) -> None:
    withdraw(known, ground.journal, ANSWER, NOW)
    yes = msgspec.structs.replace(ANSWER, customer_id=9, source="form", evidence={"form": "x"})
    grant(known, ground.journal, yes, NOW + HOUR)
    known.execute("update contact_state set handed_at = array[%s] where customer_id = 7", [NOW])
    known.commit()
    for _ in range(2):
        merge_consents(known, 7, 9, NOW + 2 * HOUR)
        known.commit()
    assert consent_of(known, 9) == "withdrawn"
    ledger = list_ledger(known, 9)
    assert [(one.state, one.source) for one in ledger] == [
        ("withdrawn", "merge"),
        ("granted", "form"),
        ("withdrawn", "one_click"),
    ]
    handed = known.execute("select handed_at from contact_state where customer_id = 9").fetchone()
    assert handed[0] == [NOW]


def test_an_old_letters_link_works_after_a_merge(known, ground) -> None:
    known.execute("update customer set merged_into = 9 where customer_id = 7")
    known.execute("delete from contact_point where customer_id = 7")
    known.commit()
    withdraw(known, ground.journal, ANSWER, NOW)
    assert consent_of(known, 9) == "withdrawn"
    assert blocks_of(known, 9) == ["opt_out:marketing"]


def test_an_answer_waits_for_the_hand_off_that_came_first(known, ground, dsn) -> None:
    """The hand-off holds the sharer's row; the acknowledgement comes after its commit."""
    acknowledged = threading.Event()

    def ask() -> None:
        with connect(dsn, name="web") as conn:
            withdraw(conn, ground.journal, ANSWER, NOW)
        acknowledged.set()

    known.execute("select 1 from contact_state where customer_id = 8 for update")
    thread = threading.Thread(target=ask)
    thread.start()
    time.sleep(0.3)
    assert not acknowledged.is_set()
    known.commit()
    thread.join(10)
    assert acknowledged.is_set()


def test_somebody_who_takes_the_address_over_meanwhile_is_waited_for(known, ground, dsn) -> None:
    """A hand-off that saw no suppression holds a lock which the second transaction meets."""
    acknowledged = threading.Event()
    known.execute("select 1 from contact_state where customer_id = 7 for update")

    def ask() -> None:
        with connect(dsn, name="web") as conn:
            withdraw(conn, ground.journal, ANSWER, NOW)
        acknowledged.set()

    thread = threading.Thread(target=ask)
    thread.start()
    wait_until_blocked(dsn)
    with connect(dsn, name="late") as other:
        other.execute(
            "update contact_point set address_hash = (select address_hash "
            "from contact_point where customer_id = 7) where customer_id = 9"
        )
        other.commit()
        other.execute("select 1 from contact_state where customer_id = 9 for update")
        blocked = other.execute("select count(*) from suppression").fetchone()[0]
        assert blocked == 0
        known.commit()
        time.sleep(0.3)
        assert not acknowledged.is_set()
        other.commit()
    thread.join(10)
    assert acknowledged.is_set()


def wait_until_blocked(dsn: str) -> None:
    query = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
    with connect(dsn, name="look", autocommit=True) as conn:
        end = time.monotonic() + 10
        while conn.execute(query).fetchone()[0] == 0:
            assert time.monotonic() < end
            time.sleep(0.02)


def test_an_answer_is_a_transaction_of_its_own(known, ground) -> None:
    known.execute("select 1")
    with pytest.raises(Refused):
        withdraw(known, ground.journal, ANSWER, NOW)


CHANGES = st.lists(
    st.builds(
        ConsentChange,
        customer_id=st.just(7),
        channel=st.just(Channel.EMAIL),
        topic=st.sampled_from(["*", "offers", "!objection", "!pause"]),
        state=st.sampled_from(list(ConsentState)),
        time=st.sampled_from([NOW + shift * HOUR for shift in range(4)]),
        recorded_at=st.just(NOW),
        actor=st.just("customer"),
        source=st.sampled_from(["import", "form", "one_click"]),
        evidence=st.just({"until_s": int((NOW + 99 * HOUR).timestamp())}),
    ),
    max_size=8,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(changes=CHANGES, data=st.data())
def test_the_state_is_the_fold_of_the_ledger_in_any_order(conn, changes, data) -> None:
    order = data.draw(st.permutations(list(enumerate(changes))))
    cut = data.draw(st.integers(0, len(order)))
    conn.rollback()
    for part in (order[:cut], order[cut:], order[:cut]):
        stage(conn, [_row(number, change) for number, change in part])
        conn.execute(SQL.open_states)
        conn.execute(SQL.add_to_ledger)
        conn.execute(SQL.fold_states)
    held = answers(changes)
    standing = get_standing(conn, 7)
    if not changes:
        assert standing == []
        return
    expected = {topic: one.state for topic, one in held.items()}
    assert standing[0].consent == expected.get("*", ConsentState.UNKNOWN)
    assert {t: said["state"] for t, said in standing[0].topics.items()} == {
        topic: state for topic, state in expected.items() if topic == "offers"
    }
    assert (standing[0].objected_at is not None) == (expected.get("!objection") == "withdrawn")
    assert (standing[0].paused_until is not None) == (expected.get("!pause") == "withdrawn")


def _row(number: int, change: ConsentChange) -> dict:
    row = msgspec.structs.asdict(change)
    return row | {"bucket": 7, "id": UUID(int=number), "evidence": Jsonb(change.evidence)}

"""Signing, mailbox, schedule, restore, forgetting and joining: done at the desk."""

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from psycopg.types.json import Jsonb

from dangol.converse.imap import find_config
from dangol.engine.jobs import list_jobs
from dangol.know.erasure.service import list_erasures
from dangol.speak.letter.signing import find_record
from dangol.store.backup.hold import find_hold
from dangol.store.keyring import load_keyring
from dangol.web.signin.role import Role
from tests.integration.web.conftest import NOW


@pytest.fixture(autouse=True)
def owner(desk) -> None:
    desk.sign_in(Role.OWNER)


def test_signing_shows_the_record_to_publish(desk, settings):
    wrong = desk.post("/settings/sending/signing", 422, domain="no domain", selector="x")
    assert "no name for a DNS record" in wrong
    desk.post("/settings/sending/signing", domain="Shop.Example", selector="d1")
    page = desk.get("/settings/sending")
    desk.conn.rollback()
    record = find_record(desk.conn, load_keyring(settings.keyring_path))
    assert record.name == "d1._domainkey.shop.example"
    assert page.count(record.name) == 1
    assert page.count(record.text) == 2  # to read, and to copy
    desk.post("/settings/sending/signing/stop")
    assert "d1._domainkey" not in desk.get("/settings/sending")


def test_the_mailbox_keeps_its_password_unless_another_is_given(desk, settings):
    given = {"imap_host": "imap.example", "imap_user": "me", "imap_port": "993"}
    assert "Give the host" in desk.post("/settings/sending/mailbox", 422, **given)
    desk.post("/settings/sending/mailbox", **given, imap_password="secret word")
    desk.post("/settings/sending/mailbox", **given, imap_folder="Answers")
    desk.conn.rollback()
    found = find_config(desk.conn, load_keyring(settings.keyring_path))
    assert (found.password, found.folder) == ("secret word", "Answers")
    assert "secret word" not in desk.get("/settings/sending")
    another = given | {"imap_host": "imap.elsewhere.example"}
    desk.post("/settings/sending/mailbox", 422, **another)  # the password goes to its own host only
    desk.post("/settings/sending/mailbox/stop")
    desk.conn.rollback()
    assert find_config(desk.conn, load_keyring(settings.keyring_path)) is None


def test_what_runs_by_itself_is_shown_with_what_failed(desk):
    now = datetime.now(UTC)  # a dispatcher counts for a minute; other tests took longer
    desk.conn.execute(
        "insert into schedule (name, description, next_at, last_started_at, last_error) "
        "values ('refit', 'x', %s, %s, 'no space left')",
        [now + timedelta(hours=1), now],
    )
    status = {"rate": 12.4, "connections": 2, "refusal": {"stage": "auth", "text": "535 no"}}
    desk.conn.execute(
        "insert into dispatcher values ('a', 'desk-host', %s, %s, %s), ('b', 'gone-host', %s, %s, '{}')",
        [now, now + timedelta(minutes=5), Jsonb(status), now, now - timedelta(hours=1)],
    )
    desk.conn.commit()
    page = desk.get("/settings/running")
    assert "Learn the rhythm anew" in page
    assert "no space left" in page
    assert "535 no" in page
    assert "12 a second" in page
    assert "gone-host" not in page


def test_the_owner_says_how_long_things_are_kept_within_what_must_hold(desk):
    page = desk.get("/settings/running")
    assert "Messages of campaigns, after the campaign&#39;s end" in page
    assert page.count("for ever") >= 8
    desk.post("/settings/running/kept", kind="reject", days="7")
    assert "at least 14" in desk.get("/settings/running")
    refused = [("message", "13", "14"), ("consent", "30", "for ever"), ("job", "", "3650")]
    for kind, days, said in refused:
        assert said in desk.post("/settings/running/kept", 422, kind=kind, days=days)
    desk.post("/settings/running/kept", 404, kind="everything", days="1")
    desk.conn.rollback()
    rows = desk.conn.execute("select kind, days from retention where changed_by <> 'dangol'")
    assert rows.fetchall() == [("reject", 7)]
    audit = desk.conn.execute(
        "select subject, detail from audit where action = 'retention_changed'"
    )
    assert audit.fetchall() == [("reject", {"before": 30, "days": 7})]


def test_a_restored_installation_waits_for_the_owner(desk):
    value = {"at": NOW.isoformat(), "backup_at": (NOW - timedelta(days=2)).isoformat()}
    desk.conn.execute(
        "insert into installation (key, value) values ('restored', %s)", [Jsonb(value)]
    )
    desk.conn.commit()
    assert "Nothing is sent until you confirm" in desk.get("/settings/running")
    desk.sign_in(Role.MARKETER)
    desk.post("/settings/running/confirm", 403, waiting="send")
    desk.sign_in(Role.OWNER)
    desk.post("/settings/running/confirm", waiting="silence")
    desk.conn.rollback()
    assert find_hold(desk.conn) is None
    assert "Nothing is sent until you confirm" not in desk.get("/settings/running")


def test_forgetting_asks_for_the_number_and_goes_on_by_itself(desk, add_customer):
    number = add_customer("김지우", traits={"email": "jiwoo@shop.example"})
    desk.post(f"/customers/{number}/forget", 422, number=str(number + 1))
    desk.conn.rollback()
    assert list_erasures(desk.conn) == []
    where = desk.post(f"/customers/{number}/forget", number=str(number))
    page = desk.get(where)
    assert 'hx-trigger="every 2s"' in page
    assert "김지우" not in page
    desk.get(f"{where}/certificate", 404)
    assert where in desk.get("/erasures")
    again = desk.post(f"/customers/{number}/forget", number=str(number))
    assert again == where
    desk.sign_in(Role.MARKETER)
    desk.post(f"/customers/{number}/forget", 403, number=str(number))


def test_the_certificate_can_be_kept(desk, add_customer):
    number = add_customer("x")
    certificate = {
        "customer_id": number,
        "also": [],
        "requested_at": NOW.isoformat(),
        "requested_by": "member:x",
        "cleared_at": NOW.isoformat(),
        "cleared": [{"where": "inbox", "rows": 2}],
        "kept": [],
        "files": {"rewrite_due_at": NOW.isoformat()},
    }
    where = desk.post(f"/customers/{number}/forget", number=str(number))
    desk.conn.execute(
        "update erasure set cleared_at = %s, certificate = %s", [NOW, Jsonb(certificate)]
    )
    desk.conn.commit()
    page = desk.get(where)
    assert "every 2s" not in page
    assert json.loads(desk.get(f"{where}/certificate"))["cleared"][0] == {
        "where": "inbox",
        "rows": 2,
    }


def test_everything_we_know_is_one_file(desk, add_customer):
    number = add_customer("김지우", "loyal", traits={"email": "jiwoo@shop.example", "city": "서울"})
    desk.conn.execute(
        "insert into event_recent (bucket, customer_id, event_id, name, time, received_at, "
        "recorded_at, props, source, effect, cause) "
        "values (%s, %s, %s, 'Order Completed', %s, %s, %s, '{\"total\": 9}', 's', 'live', 'behaviour')",
        [number % 1024, number, uuid4(), NOW, NOW, NOW],
    )
    desk.conn.commit()
    found = json.loads(desk.get(f"/customers/{number}/everything.json"))
    assert found["profile"]["traits"]["city"] == "서울"
    assert [event["name"] for event in found["events"]] == ["Order Completed"]
    assert {"consent", "consent_changes", "conversations", "messages"} <= found.keys()
    desk.sign_in(Role.MARKETER)
    desk.get(f"/customers/{number}/everything.json", 403)


def test_joining_shows_both_before_it_is_done(desk, add_customer):
    loser, winner = add_customer("Kim J."), add_customer("김지우")
    desk.post(f"/customers/{loser}/join", 422, other=str(loser))
    desk.post(f"/customers/{loser}/join", 422, other="nobody")
    page = desk.post(f"/customers/{loser}/join", 200, other=str(winner))
    assert "김지우" in page
    assert list_jobs(desk.conn, kind="join") == []
    desk.conn.rollback()
    where = desk.post(f"/customers/{loser}/join", other=str(winner), do="join")
    desk.conn.rollback()
    job = list_jobs(desk.conn, kind="join")[0]
    assert job.args == {"loser_id": loser, "winner_id": winner}
    assert f"job-{job.id}" in desk.get(where)

"""A confirmed subscription makes a customer of the address, with consent and its evidence."""

import datetime as dt

import msgspec
import pytest

from dangol.engine.forms import hear_forms
from dangol.engine.route import route_once
from dangol.know.consent import get_standing, list_ledger, suppress
from dangol.listen.intake import append_intake
from tests.integration.engine.conftest import NOW

FORM = {
    "form": "subscribe",
    "email": "New@Shop.example",
    "name": "새 손님",
    "confirmed_at": NOW.isoformat(),
    "evidence": {"ip": "203.0.113.9"},
}


def subscribe(conn, form: dict) -> None:
    append_intake(conn, kind="form", source="page", body=msgspec.json.encode(form), at=NOW)
    conn.commit()
    route_once(conn, {"form": hear_forms}, NOW)


def test_a_confirmed_yes_counts_and_lifts_what_blocked_the_address(conn, ground, apply) -> None:
    digest = ground.keyring.address_hash("email", "new@shop.example")
    for reason in ("opt_out", "erased"):
        suppress(conn, digest, reason, "marketing", NOW - dt.timedelta(days=9))
    subscribe(conn, FORM)
    apply()
    customer_id = conn.execute("select customer_id from contact_point").fetchone()[0]
    [standing] = get_standing(conn, customer_id)
    assert (standing.consent, standing.suppressions) == ("granted", [])
    [entry] = list_ledger(conn, customer_id)
    assert entry.evidence == {"ip": "203.0.113.9", "confirmed_at": NOW.isoformat()}
    assert {(one.action, one.reason) for one in ground.journal.read().entries} == {
        ("lift", "opt_out"),
        ("lift", "erased"),
    }


def test_a_later_opt_out_is_not_lifted(conn, ground, apply) -> None:
    digest = ground.keyring.address_hash("email", "new@shop.example")
    suppress(conn, digest, "opt_out", "marketing", NOW + dt.timedelta(seconds=1))
    subscribe(conn, FORM)
    apply()
    customer_id = conn.execute("select customer_id from contact_point").fetchone()[0]
    assert get_standing(conn, customer_id)[0].suppressions == ["opt_out:marketing"]


@pytest.mark.parametrize(
    "broken",
    [
        {"email": "nobody"},
        {"confirmed_at": "yesterday"},
        {"confirmed_at": "2026-11-21T03:00:00"},
        {"form": "steal"},
    ],
)
def test_what_is_not_confirmed_is_refused(conn, broken) -> None:
    subscribe(conn, FORM | broken)
    assert conn.execute("select count(*) from reject").fetchone()[0] == 1
    assert conn.execute("select count(*) from inbox").fetchone()[0] == 0

"""A refusal outlives a merge, also for whoever has the person's address afterwards."""

import datetime as dt
from collections.abc import Callable

import psycopg
import pytest

from dangol.engine.tick import Ground
from dangol.know.consent.service import Answer, get_standing, grant, withdraw
from dangol.know.identity.merge import Merge, merge_customers
from dangol.model.customer import CustomerId
from tests.integration.engine.conftest import NOW, Tell

LATER = NOW + dt.timedelta(minutes=1)


@pytest.mark.parametrize(("loser", "winner"), [(1, 2), (2, 1)])
def test_every_address_of_one_who_refused_is_blocked(
    conn: psycopg.Connection,
    ground: Ground,
    tell: Tell,
    apply: Callable[..., None],
    loser: int,
    winner: int,
) -> None:
    tell(1, "Profile Updated", {"email": "old@x.example"})
    tell(2, "Profile Updated", {"email": "new@x.example"}, time=LATER)
    apply()
    answer = {"actor": "customer", "source": "form", "evidence": {"page": "sign-up"}}
    grant(conn, ground.journal, Answer(customer_id=CustomerId(2), **answer), NOW)
    withdraw(conn, ground.journal, Answer(customer_id=CustomerId(1), **answer), NOW)
    apply()
    merge_customers(conn, [Merge(loser, winner)], LATER)
    conn.commit()
    tell(winner, "Customers Merged", {"loser_id": str(loser)}, cause="merge")
    tell(3, "Profile Updated", {"email": "new@x.example"})
    apply()
    address = conn.execute(
        "select address from contact_point where customer_id = %s", [winner]
    ).fetchone()
    assert address == ("new@x.example",)
    for customer in (winner, 3):  # the same mailbox, whoever has it by now
        assert get_standing(conn, customer)[0].suppressions == ["opt_out:marketing"]
    blocked = {entry.address_hash for entry in ground.journal.read().entries}
    assert ground.keyring.address_hash("email", "new@x.example") in blocked

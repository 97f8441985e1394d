"""Who is one person, on a real database: random ids in random batches against plain graph search."""

import datetime as dt
import json
import random
from typing import Any

import psycopg
import pytest

from dangol.engine.route import route_once
from dangol.know.identity.plan import Claim, Node
from dangol.listen.intake import append_intake
from tests.unit.know.identity.test_plan import people_of, without

NOW = dt.datetime(2026, 11, 21, 12, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize("seed", range(8))
def test_the_same_people_as_graph_search(conn: psycopg.Connection, seed: int) -> None:
    dice = random.Random(seed)
    claims = [_claim(dice) for _ in range(60)]
    rest = list(enumerate(claims))
    while rest:
        size = dice.randint(1, 20)
        batch, rest = rest[:size], rest[size:]
        items = [_call(number, claim) for number, claim in batch]
        body = json.dumps({"batch": items}).encode()
        append_intake(conn, kind="track", source="k", body=body, at=NOW, meta={"path": "/v1/batch"})
        conn.commit()
        route_once(conn, {}, NOW)
    wanted, shared = people_of(claims)
    assert without(_people(conn), shared) == without(wanted, shared)
    _check_pointers(conn)


def _claim(dice: random.Random) -> Claim:
    user, device = f"u{dice.randrange(14)}", f"d{dice.randrange(30)}"
    match dice.randrange(10):
        case 0:
            return Claim(user=user, previous=dice.choice([device, f"u{dice.randrange(14)}"]))
        case 1 | 2 | 3:
            return Claim(anon=device)
        case 4 | 5:
            return Claim(user=user)
        case _:
            return Claim(user=user, anon=device)


def _call(number: int, claim: Claim) -> dict[str, Any]:
    call = {"messageId": str(number), "userId": claim.user, "anonymousId": claim.anon}
    if claim.previous is None or claim.previous == claim.user:
        return call | {"type": "track", "event": "A"}
    return call | {"type": "alias", "previousId": claim.previous}


def _people(conn: psycopg.Connection) -> set[frozenset[Node]]:
    found: dict[int, set[Node]] = {}
    for kind, value, customer in conn.execute("select kind, value, customer_id from identity"):
        found.setdefault(customer, set()).add((kind, value))
    return set(map(frozenset, found.values()))


def _check_pointers(conn: psycopg.Connection) -> None:
    """Ids name living customers, who are dense; every pointer is one step long; tasks agree."""
    rows = conn.execute("select customer_id, merged_into from customer order by 1").fetchall()
    living = {customer for customer, winner in rows if winner is None}
    assert [customer for customer, _ in rows] == list(range(1, len(rows) + 1))
    assert {customer for (customer,) in conn.execute("select customer_id from identity")} == living
    pointers = {(customer, winner) for customer, winner in rows if winner is not None}
    assert {winner for _, winner in pointers} <= living
    assert set(conn.execute("select loser_id, winner_id from merge_task").fetchall()) == pointers

"""The job `join`: a member of the team said that two customers are one person."""

from datetime import UTC, datetime

from dangol.engine.inbox import enter_inbox
from dangol.engine.jobs import Task
from dangol.engine.kinship import follow_merges, own_facts
from dangol.errors import Refused
from dangol.know.identity.merge import Merge, merge_customers
from dangol.know.identity.resolve import Resolved, hold_identities
from dangol.know.profile.service import get_profile
from dangol.store.pool import connect


def join_people(task: Task) -> dict[str, int]:
    """Merge `loser_id` into `winner_id` as Route does; done once, however often it is run.

    Raises:
        NotFound: one of the two does not exist.
        Refused: one of the two was forgotten.
    """
    now = datetime.now(UTC)
    with connect(task.dsn, name="join") as conn:
        hold_identities(conn)
        loser = get_profile(conn, task.args["loser_id"])
        winner = get_profile(conn, task.args["winner_id"])
        if loser.erased_at or winner.erased_at:
            raise Refused("One of the two was forgotten; there is nothing to join.")
        if loser.customer_id != winner.customer_id:
            merge = Merge(loser.customer_id, winner.customer_id)
            merge_customers(conn, [merge], now)
            resolved = Resolved(customers={}, created=0, linked=[], merges=[merge])
            enter_inbox(conn, [], [], own_facts(resolved), now)
            follow_merges(conn, resolved, now)
    return {"customer_id": winner.customer_id}

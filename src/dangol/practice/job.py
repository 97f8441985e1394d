"""The two jobs around the practice shop: making it through real intake, and taking it away.

Making is safe to run again from any point: the same run gives the same keys, and a key counts once.
"""

import io
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pyarrow as pa

from dangol.converse.thread import list_threads, mark_complaint
from dangol.engine.jobs import Task
from dangol.engine.upkeep import refit_stages
from dangol.errors import Refused
from dangol.know.consent.service import Answer, withdraw
from dangol.know.giving.referral import TRAIT, friend_token
from dangol.know.identity.store import find_customer
from dangol.listen.intake import append_intake
from dangol.model.event import EventName
from dangol.practice.complaint import write_complaint
from dangol.practice.fact import ZONE, Fact, as_table
from dangol.practice.furnish import BRAND, furnish, name_the_shop
from dangol.practice.mark import SOURCE, SQL, Mark, find_mark, is_coming_in, set_mark
from dangol.practice.person import user_id
from dangol.practice.removal import remove_practice_shop
from dangol.practice.shop import Shop, make_shop
from dangol.practice.six import COMPLAINER, OPTED_OUT, listed_again
from dangol.store.files import DISK, write_file
from dangol.store.journal import Journal
from dangol.store.keyring import load_keyring
from dangol.store.pool import connect

SIZES = (300, 5_000)
SEED = 20
TRUTH_FILE = "practice-truth.json"
"""Beside the data: what is really so about everyone, to compare with what the engine found out."""

_CHUNK = 20_000
_POLL_S = 0.2


def run_practice(task: Task) -> dict[str, Any]:
    """Job `practice`: a shop of `task.args["customers"]` customers, ready to look at.

    Raises:
        Refused: there is one already, or the size is another than 300 or 5,000.
    """
    mark = _begin(task)
    shop = make_shop(mark.customers, mark.seed, mark.until)
    _write_truth(task, shop)
    total = len(shop.facts)
    task.progress(done=0, total=total, step="intake")
    _append(task, [one for one in shop.facts if one.user_id not in shop.brought], mark, "history")
    _await_applied(task, total)
    _invite(task, mark, shop)
    _opt_out_and_list_again(task, mark)
    _complain(task, mark, shop)
    task.progress(step="stages")
    refit_stages(task.settings, datetime.now(UTC))
    with connect(task.dsn, name="practice") as conn:
        furnish(conn, datetime.now(UTC))
        set_mark(conn, msgspec.structs.replace(mark, made_at=datetime.now(UTC)))
    task.progress(done=total, step="ready")
    return {"customers": mark.customers, "events": total, "truth": TRUTH_FILE}


def run_removal(task: Task) -> dict[str, Any]:
    """Job `practice_removal`: everything of the practice shop goes, nothing else does.

    Killed after the shop was gone and run again, it finishes what comes after.
    """
    with connect(task.dsn, name="practice") as conn:
        is_gone = task.attempts > 1 and find_mark(conn) is None
    removed = 0 if is_gone else remove_practice_shop(task.dsn, task.settings, datetime.now(UTC))
    (task.settings.data / TRUTH_FILE).unlink(missing_ok=True)
    refit_stages(task.settings, datetime.now(UTC))
    return {"customers": removed}


def _begin(task: Task) -> Mark:
    """The mark of the shop that this job makes, the same one when it runs again."""
    size = task.args.get("customers", SIZES[0])
    if size not in SIZES:
        raise Refused("A practice shop has 300 or 5,000 customers, not {size}.", size=size)
    with connect(task.dsn, name="practice") as conn:
        known = find_mark(conn)
        if known is not None and known.made_at is not None:
            raise Refused("There is a practice shop already; remove it first.")
        yesterday = datetime.now(ZONE).date() - timedelta(days=1)
        mark = known or Mark(run=uuid4(), customers=size, seed=SEED, until=yesterday)
        set_mark(conn, mark)
        name_the_shop(conn, datetime.now(UTC))
    return mark


def _write_truth(task: Task, shop: Shop) -> None:
    body = msgspec.json.format(msgspec.json.encode(shop.truth), indent=1)
    write_file(DISK, task.settings.data / TRUTH_FILE, lambda file: file.write(body))


def _append(task: Task, facts: list[Fact], mark: Mark, part: str) -> None:
    """Send facts to intake as an import does, a commit for each chunk."""
    table = as_table(facts, mark.run, part)
    for start in range(0, table.num_rows, _CHUNK):
        sink = io.BytesIO()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table.slice(start, _CHUNK))
        with connect(task.dsn, name="practice") as conn:
            if not is_coming_in(conn, mark.run):
                raise Refused("The practice shop was removed meanwhile.")
            append_intake(
                conn, kind="import", source=SOURCE, body=sink.getvalue(), at=datetime.now(UTC)
            )
        task.check()


def _invite(task: Task, mark: Mark, shop: Shop) -> None:
    """Friends of customers come by their real links: first who they are, then what they did."""
    keyring = load_keyring(task.settings.keyring_path)
    with connect(task.dsn, name="practice") as conn:
        codes = {
            friend: friend_token(keyring, find_customer(conn, "user", by) or 0)
            for friend, by in shop.brought.items()
        }
    came = [fact for fact in shop.facts if fact.user_id in codes]
    said = {
        fact.user_id: fact._replace(props=fact.props | {TRAIT: codes[fact.user_id]})
        for fact in reversed(came)
        if fact.name == EventName.PROFILE_UPDATED
    }
    _append(task, list(said.values()), mark, "invited")
    _await_applied(task, len(shop.facts))
    rest = [fact for fact in came if fact.name != EventName.PROFILE_UPDATED]
    _append(task, rest, mark, "friends")
    _await_applied(task, len(shop.facts))


def _await_applied(task: Task, total: int) -> None:
    """Until Route and Live have taken in everything of ours."""
    with connect(task.dsn, name="practice", autocommit=True) as conn:
        while True:
            in_intake, waiting = conn.execute(SQL.count_waiting, {"source": SOURCE}).fetchone()
            if not in_intake and not waiting:
                return
            if not in_intake:
                task.progress(done=max(total - waiting, 0))
            task.check()
            time.sleep(_POLL_S)


def _opt_out_and_list_again(task: Task, mark: Mark) -> None:
    """One of the six really unsubscribes, and then stands on an old list again."""
    answer = Answer(
        customer_id=_customer(task, OPTED_OUT),
        actor="customer",
        source="one_click",
        evidence={"where": "practice shop, unsubscribe page"},
    )
    with connect(task.dsn, name="practice", autocommit=True) as conn:
        withdraw(conn, Journal(task.settings.journal_dir), answer, datetime.now(UTC))
    _append(task, listed_again(mark.until), mark, "listed again")
    _await_applied(task, 0)


def _complain(task: Task, mark: Mark, shop: Shop) -> None:
    """The complainer's mail comes in and is marked, so that it waits for an answer."""
    person = shop.people[COMPLAINER - 1]
    customer = _customer(task, COMPLAINER)
    mail = write_complaint(person, BRAND.sender_email, mark.until, mark.run)
    with connect(task.dsn, name="practice") as conn:
        append_intake(
            conn,
            kind="mail",
            source=SOURCE,
            body=mail.raw,
            at=mail.received_at,
            meta={"mail_from": mail.mail_from, "rcpt": [mail.recipient]},
        )
    _await_applied(task, 0)
    with connect(task.dsn, name="practice") as conn:
        for thread in list_threads(conn, customer):
            mark_complaint(conn, customer, thread.id)


def _customer(task: Task, number: int) -> int:
    with connect(task.dsn, name="practice") as conn:
        found = find_customer(conn, "user", user_id(number))
    if found is None:
        raise Refused("The practice import was not taken in; see the rejects of its source.")
    return found

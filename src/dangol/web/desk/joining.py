"""Two customers are one person: the owner says so, the engine does it."""

from dangol.engine.jobs import enqueue, get_job
from dangol.errors import DangolError, NotFound
from dangol.know.profile.service import Profile, get_profile
from dangol.web.answer import Answer, Move, Page
from dangol.web.desk.jobs import job_values
from dangol.web.visit import Visit


def show(visit: Visit) -> Answer:
    """Choose the other one by number, and see both before it is done."""
    loser = get_profile(visit.conn, visit.number("id"))
    return _page(visit, loser)


def join(visit: Visit) -> Answer:
    """Have the two made one; it cannot be taken back."""
    loser = get_profile(visit.conn, visit.number("id"))
    winner = _other(visit, loser)
    if winner is None:
        return _page(visit, loser, visit.t("join.nobody"))
    if visit.form("do") != "join":
        return _page(visit, loser, winner=winner)
    args = {"loser_id": loser.customer_id, "winner_id": winner.customer_id}
    job = enqueue(visit.conn, "join", args, by=visit.by, now=visit.now)
    visit.record("customers_joined", winner.customer_id, loser=loser.customer_id)
    return Move(f"/customers/{winner.customer_id}/joined/{job}")


def show_progress(visit: Visit) -> Answer:
    """How far it is."""
    job = get_job(visit.conn, visit.id("job"))
    values = {"job": job, "customer_id": visit.number("id"), **job_values(visit, job)}
    return Page("desk/joined.html", values)


def _other(visit: Visit, loser: Profile) -> Profile | None:
    """Whom the form names: somebody else who is still a customer."""
    typed = visit.form("other").replace(",", "")
    if not (typed.isascii() and typed.isdigit() and len(typed) <= 18):
        return None
    try:
        found = get_profile(visit.conn, int(typed))
    except DangolError:
        return None
    is_other = found.customer_id != loser.customer_id
    return found if is_other and found.erased_at is None else None


def _page(visit: Visit, loser: Profile, problem: str = "", winner: Profile | None = None) -> Page:
    if loser.erased_at is not None:
        raise NotFound()
    values = {"loser": loser, "winner": winner, "problem": problem}
    return Page("desk/join.html", values, 422 if problem else 200)

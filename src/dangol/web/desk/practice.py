"""The practice shop: opened by one button, shown while it is prepared, removed by one button."""

from dangol.engine.jobs import Job, enqueue, list_jobs
from dangol.errors import Refused
from dangol.practice.mark import find_mark
from dangol.web.answer import Answer, Move
from dangol.web.desk.people import People, count_people
from dangol.web.visit import Visit

SIZES = (300, 5000)
_OPEN = ("waiting", "running", "paused")


def open_shop(visit: Visit) -> Answer:
    """Begin to fill the practice shop; only where nobody is yet."""
    if find_open_job(visit) is not None:
        return Move("/")
    if find_mark(visit.conn) or count_people(visit.conn, People(), visit.now).count:
        raise Refused(visit.t("practice.not_empty"))
    size = visit.integer("customers", SIZES[0], low=1, high=max(SIZES))
    customers = size if size in SIZES else SIZES[0]
    enqueue(visit.conn, "practice", {"customers": customers}, by=visit.by, now=visit.now)
    visit.record("practice_opened", customers)
    return Move("/")


def remove_shop(visit: Visit) -> Answer:
    """Take the practice shop away, with all its customers."""
    if find_mark(visit.conn) is None:
        raise Refused(visit.t("practice.none"))
    if find_open_job(visit) is None:
        enqueue(visit.conn, "practice_removal", {}, by=visit.by, now=visit.now)
        visit.record("practice_removed", "")
    return Move("/")


def find_open_job(visit: Visit) -> Job | None:
    """The job that fills or removes the practice shop, while it is at work."""
    jobs = list_jobs(visit.conn, kind="practice", limit=1)
    jobs += list_jobs(visit.conn, kind="practice_removal", limit=1)
    return next((job for job in jobs if job.state in _OPEN), None)


def find_failed_job(visit: Visit) -> Job | None:
    """The last attempt to fill it, when that ended badly."""
    jobs = list_jobs(visit.conn, kind="practice", limit=1)
    return next((job for job in jobs if job.state == "failed"), None)

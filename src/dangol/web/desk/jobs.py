"""Long work: how far it is, pause, go on, give up. Parts of pages poll `show_part`."""

from dangol.engine.jobs import Job, cancel_job, get_job, pause_job, resume_job
from dangol.web import words
from dangol.web.answer import Answer, Move, Page
from dangol.web.signin.role import Role
from dangol.web.visit import Visit

_OPEN = ("waiting", "running", "paused")


def show_part(visit: Visit) -> Answer:
    """The progress of one job, as the part of a page that polls for it."""
    job = get_job(visit.conn, visit.id())
    return Page("desk/job_part.html", {"job": job, **job_values(visit, job)})


def job_values(visit: Visit, job: Job) -> dict[str, object]:
    """What the part needs beside the job itself."""
    total = job.progress.get("total")
    done = job.progress.get("done")
    known = isinstance(total, int) and isinstance(done, int) and total > 0
    return {
        "is_open": job.state in _OPEN,
        "may_change": visit.may(Role.MARKETER),
        "error": say_error(visit, job),
        "share": min(100, 100 * done // total) if known else None,
    }


def say_error(visit: Visit, job: Job) -> str:
    """Why it failed, in the visitor's language; what nobody foresaw stays as it was logged."""
    told = job.result or {}
    if job.error is None or "sentence" not in told:
        return job.error or ""
    return words.sentence(visit.locale, told["sentence"], told["values"])


def pause(visit: Visit) -> Answer:
    """Let it rest."""
    pause_job(visit.conn, visit.id(), now=visit.now)
    visit.record("job_paused", visit.id())
    return _back(visit)


def resume(visit: Visit) -> Answer:
    """Go on."""
    resume_job(visit.conn, visit.id(), now=visit.now)
    visit.record("job_resumed", visit.id())
    return _back(visit)


def cancel(visit: Visit) -> Answer:
    """Give it up; what is done stays."""
    cancel_job(visit.conn, visit.id(), now=visit.now)
    visit.record("job_cancelled", visit.id())
    return _back(visit)


def _back(visit: Visit) -> Answer:
    if visit.given.is_htmx:
        return show_part(visit)
    back = visit.form("back")
    return Move(back if back.startswith("/") and not back.startswith(("//", "/\\")) else "/")

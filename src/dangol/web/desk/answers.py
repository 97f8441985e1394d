"""Answers: who waits, one conversation, and the answer that goes back."""

from dangol.converse import thread
from dangol.errors import InputError
from dangol.know.profile.service import get_profile
from dangol.web.answer import Answer, Download, Move, Page
from dangol.web.desk.listing import csv_file, paged
from dangol.web.visit import Visit

_MOST = 10_000


def show_list(visit: Visit) -> Answer:
    """Conversations that wait, or all of the latest."""
    which, rows = _found(visit)
    q = visit.query("q").strip()
    values = {
        "page": paged(visit, rows, "/answers", {"which": which, "q": q}),
        "which": which,
        "q": q,
        "count_waiting": thread.count_waiting(visit.conn),
        "strays": thread.list_strays(visit.conn, 20),
    }
    return Page("desk/answers.html", values)


def download(visit: Visit) -> Answer:
    """The same list as CSV."""
    rows = (
        (row.customer_id, row.customer_name, row.subject, row.state, row.waiting_since, row.last_at)
        for row in _found(visit)[1]
    )
    header = ("customer_id", "name", "subject", "state", "waiting_since", "last_at")
    return csv_file("answers.csv", header, rows)


def show(visit: Visit) -> Answer:
    """One conversation with the form for an answer."""
    return _page(visit)


def answer(visit: Visit) -> Answer:
    """Send an answer; it leaves within seconds."""
    customer_id, thread_id = visit.number("customer"), visit.id()
    member = visit.member.member_id
    try:
        thread.answer(
            visit.conn,
            visit.keyring,
            (customer_id, thread_id),
            visit.form("text"),
            member,
            visit.now,
        )
    except InputError as error:
        return _page(visit, visit.say(error))
    visit.record("answered", customer_id)
    return Move(_url(visit), "answers.sent")


def close(visit: Visit) -> Answer:
    """Nothing more to say."""
    thread.close_thread(visit.conn, visit.number("customer"), visit.id())
    visit.record("thread_closed", visit.part("customer"))
    return Move("/answers", "answers.closed")


def mark_complaint(visit: Visit) -> Answer:
    """A complaint, or not one after all; while one is open no marketing goes to this person."""
    is_complaint = visit.form("is_complaint") == "on"
    thread.mark_complaint(visit.conn, visit.number("customer"), visit.id(), is_complaint)
    visit.record("complaint_marked", visit.part("customer"), is_complaint=is_complaint)
    return Move(_url(visit))


def mark_helpful(visit: Visit) -> Answer:
    """What they wrote helped us; it counts for them."""
    thread.mark_helpful(visit.conn, visit.number("customer"), visit.id(), visit.now)
    visit.record("answer_helped", visit.part("customer"))
    return Move(_url(visit), "answers.helped_said")


def download_attachment(visit: Visit) -> Answer:
    """A file that came along; always kept, never shown in place."""
    name, _, data = thread.get_attachment(
        visit.conn, visit.number("customer"), visit.id("message"), visit.number("position")
    )
    return Download(data, name or "attachment", "application/octet-stream")


def _page(visit: Visit, problem: str = "") -> Page:
    found = thread.get_thread(visit.conn, visit.number("customer"), visit.id())
    profile = get_profile(visit.conn, visit.number("customer"))
    values = {
        "found": found,
        "summary": found.summary,
        "address": found.summary.from_address or profile.address or "",
        "text": visit.form("text"),
        "problem": problem,
        "url": _url(visit),
    }
    return Page("desk/thread.html", values, 422 if problem else 200)


def _url(visit: Visit) -> str:
    return f"/answers/{visit.number('customer')}/{visit.id()}"


def _found(visit: Visit) -> tuple[str, list[thread.ThreadSummary]]:
    which = "all" if visit.query("which") == "all" else ""
    listed = thread.list_recent if which else thread.answers_waiting
    q = visit.query("q").strip().lower()
    rows = listed(visit.conn, _MOST)
    return which, [row for row in rows if q in f"{row.customer_name}\n{row.subject}".lower()]

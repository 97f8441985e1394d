"""The sandbox mailbox: practice mail as its recipients got it, and an answer in their place."""

from dangol.converse import sandbox
from dangol.errors import InputError
from dangol.web.answer import Answer, Document, Download, Move, Page
from dangol.web.desk.listing import csv_file, paged
from dangol.web.visit import Visit

_MOST = 20_000


def show_list(visit: Visit) -> Answer:
    """All mail, latest first; with an address only theirs."""
    rcpt = visit.query("q").strip().lower()
    rows = sandbox.list_mailbox(visit.conn, rcpt or None, _MOST)
    values = {
        "page": paged(visit, rows, "/mailbox", {"q": rcpt}),
        "q": rcpt,
    }
    return Page("desk/mailbox.html", values)


def download(visit: Visit) -> Answer:
    """The list as CSV."""
    rcpt = visit.query("q").strip().lower()
    rows = sandbox.list_mailbox(visit.conn, rcpt or None, _MOST)
    lines = ((row.at, row.rcpt, row.sender, row.subject) for row in rows)
    return csv_file("mailbox.csv", ("at", "to", "from", "subject"), lines)


def show(visit: Visit) -> Answer:
    """One mail with its headers, and a form to answer as its recipient."""
    return _page(visit)


def show_body(visit: Visit) -> Answer:
    """The HTML of a mail for the sandboxed frame."""
    opened = sandbox.get_mailbox(visit.conn, visit.id())
    return Document(opened.html or "")


def download_raw(visit: Visit) -> Answer:
    """The mail as it came."""
    opened = sandbox.get_mailbox(visit.conn, visit.id())
    return Download(opened.raw, "mail.eml", "message/rfc822")


def reply(visit: Visit) -> Answer:
    """Answer as the customer, by real SMTP through our own receiver."""
    try:
        sandbox.reply_as_customer(
            visit.conn, visit.settings, visit.id(), visit.form("text"), visit.now
        )
    except InputError as error:
        return _page(visit, visit.say(error))
    return Move(f"/mailbox/{visit.id()}", "mailbox.replied")


def clear(visit: Visit) -> Answer:
    """Empty the mailbox."""
    count = sandbox.clear_mailbox(visit.conn)
    visit.record("mailbox_cleared", count)
    return Move("/mailbox", "mailbox.cleared")


def _page(visit: Visit, problem: str = "") -> Page:
    opened = sandbox.get_mailbox(visit.conn, visit.id())
    values = {"opened": opened, "text": visit.form("text"), "problem": problem}
    return Page("desk/mailbox_mail.html", values, 422 if problem else 200)

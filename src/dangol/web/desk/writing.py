"""A short personal mail to one customer, begun from home or from the customer's page."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from dangol.converse.beginning import Beginning, begin, count_begun, may_begin
from dangol.errors import InputError, NotFound
from dangol.know.profile.service import Profile, get_profile
from dangol.know.rhythm.lookup import find_stage
from dangol.model.customer import bucket_of
from dangol.model.stage import Stage
from dangol.model.verdict import Deferred, Silent, Verdict
from dangol.speak.channel.config import active_channel
from dangol.store.brand import Brand, read_brand
from dangol.web import words
from dangol.web.answer import Answer, Move, Page
from dangol.web.desk.display import Display
from dangol.web.desk.people import SQL
from dangol.web.desk.suggestion import Occasion, suggest
from dangol.web.visit import Visit

_LATELY = timedelta(days=30)
_FITS: Mapping[Stage, Occasion] = {
    Stage.NEW: Occasion.FIRST,
    Stage.LOYAL: Occasion.REGULAR,
    Stage.LAPSING: Occasion.QUIET,
    Stage.INACTIVE: Occasion.QUIET,
}


def show(visit: Visit) -> Answer:
    """The mail with words to begin with, or why none can go out."""
    profile = _addressee(visit)
    brand = read_brand(visit.conn)
    say = Display(_language(profile, brand), brand.zone, visit.now)
    subject = words.text(say.locale, "write.subject_words", shop=brand.name)
    return _page(visit, profile, subject, _suggested(visit, profile, say, brand.name))


def send(visit: Visit) -> Answer:
    """Begin the conversation; the same form sent twice begins it once."""
    profile = _addressee(visit)
    subject, text = visit.form("subject"), visit.form("text")
    verdict = _verdict(visit, profile.customer_id)
    if isinstance(verdict, Silent):
        return _page(visit, profile, subject, text, say_why(visit, verdict.reason.code))
    said = Beginning(
        customer_id=profile.customer_id,
        nth=visit.integer("nth", 0, low=0, high=10**9),
        subject=subject,
        text=text,
        locale=_language(profile, read_brand(visit.conn)),
        base_url=visit.base_url,
    )
    try:
        begun = begin(visit.conn, visit.keyring, said, visit.member.member_id, visit.now)
    except InputError as error:
        return _page(visit, profile, subject, text, visit.say(error))
    url = f"/answers/{profile.customer_id}/{begun.thread_id}"
    if not begun.is_new:
        return Move(url, "write.already")
    visit.record("mail_begun", profile.customer_id)
    return Move(url, "write.sent")


def list_written(visit: Visit, customers: list[int]) -> dict[int, tuple[UUID, datetime]]:
    """Whom of these we lately wrote to of our own accord: the thread, and when."""
    asked = {
        "buckets": [bucket_of(one) for one in customers],
        "customers": customers,
        "since": visit.now - _LATELY,
    }
    rows = visit.conn.execute(SQL.list_begun, asked).fetchall()
    return {customer: (thread, at) for customer, thread, at in rows}


def say_why(visit: Visit, code: str) -> str:
    """Why no mail can go out, and what would help."""
    key = f"write.no_{code}"
    if words.has(visit.locale, key):
        return visit.t(key)
    return visit.t("write.refused", why=visit.t(f"silent.{code}"))


def refusal(visit: Visit, customer_id: int) -> str:
    """Why no mail of ours may go to a customer now; empty where one may, perhaps later."""
    verdict = _verdict(visit, customer_id)
    return say_why(visit, verdict.reason.code) if isinstance(verdict, Silent) else ""


def _addressee(visit: Visit) -> Profile:
    profile = get_profile(visit.conn, visit.number("id"))
    if profile.erased_at is not None:
        raise NotFound()
    return profile


def _page(visit: Visit, profile: Profile, subject: str, text: str, problem: str = "") -> Page:
    verdict = _verdict(visit, profile.customer_id)
    refused = refusal(visit, profile.customer_id)
    values: dict[str, Any] = {
        "profile": profile,
        "subject": subject,
        "text": text,
        "nth": visit.form("nth") or count_begun(visit.conn, profile.customer_id),
        "waits_until": verdict.until if isinstance(verdict, Deferred) else None,
        "refused": refused,
        "problem": problem if problem != refused else "",
    }
    return Page("desk/write.html", values, 422 if problem else 200)


def _verdict(visit: Visit, customer_id: int) -> Verdict:
    channel = active_channel(visit.conn, visit.keyring, visit.settings)
    return may_begin(visit.conn, customer_id, is_practice=channel.is_practice, now=visit.now)


def _language(profile: Profile, brand: Brand) -> str:
    """The customer's language where we speak it, else the shop's."""
    spoken = (profile.locale or "").replace("_", "-").split("-")[0].lower()
    return spoken if spoken in words.LOCALES else brand.locale


def _suggested(visit: Visit, profile: Profile, say: Display, shop: str) -> str:
    """The words for the occasion in the address, else for where the customer stands."""
    row = find_stage(visit.conn, bucket_of(profile.customer_id), profile.customer_id)
    asked = visit.query("why")
    occasion = Occasion(asked) if asked in set(Occasion) else _FITS.get(row.stage) if row else None
    if row is None or occasion is None:
        name = say.called(profile.traits)
        key = "write.hello" if name else "write.hello_nameless"
        said = words.text(say.locale, key, name=name)
    else:
        facts = {"traits": profile.traits, "repeats": row.repeats, "last_day": row.last_day}
        said = suggest(occasion, facts, say)
    return words.text(say.locale, "write.signed", said=said, shop=shop)

"""One customer: who it is, where the relationship stands and why, consent, give and take."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from dangol.converse.thread import list_threads
from dangol.decide.campaign.past.row import has_files
from dangol.errors import InputError, NotFound
from dangol.know import consent
from dangol.know.giving.referral import TRAIT, find_referrer, friend_token, list_friends
from dangol.know.interest.lookup import list_interests
from dangol.know.notes.service import list_notes
from dangol.know.profile.service import Profile, get_profile
from dangol.know.profile.timeline import recent_page
from dangol.know.rhythm.explain import Explanation, explain
from dangol.know.rhythm.lookup import find_model, find_none, find_stage
from dangol.know.rhythm.sentence import sentence
from dangol.model.customer import CustomerId, bucket_of
from dangol.model.money import to_minor
from dangol.store.brand import read_brand
from dangol.web import words
from dangol.web.answer import Answer, Move, Page
from dangol.web.desk import past
from dangol.web.desk.display import Display
from dangol.web.desk.items import readers_url
from dangol.web.desk.rhythm_words import Said, say, weekday
from dangol.web.desk.writing import refusal
from dangol.web.query import QueryFailed, ask
from dangol.web.visit import Visit

_WAIT_S = 15.0
_ENTRIES = 30
"""How much of the timeline is shown at once."""
_HIDDEN = ("name", "email", TRAIT)


def show(visit: Visit) -> Answer:
    """The whole page; an address of a merged customer leads to the winner."""
    profile = get_profile(visit.conn, visit.number("id"))
    if profile.customer_id != visit.number("id"):
        return Move(f"/customers/{profile.customer_id}")
    return page_of(visit, profile)


def show_timeline(visit: Visit) -> Answer:
    """The whole timeline, or more of it: history is asked, which takes a moment."""
    profile = get_profile(visit.conn, visit.number("id"))
    values = {"profile": profile, **_timeline(visit, profile.customer_id)}
    return Page("desk/timeline.html", values)


def show_messages(visit: Visit) -> Answer:
    """The latest messages, with those that history holds, which takes a moment."""
    profile = get_profile(visit.conn, visit.number("id"))
    values = {"profile": profile, "messages": _messages(visit, profile.customer_id)}
    return Page("desk/messages.html", values)


def show_giving(visit: Visit) -> Answer:
    """What each side gave, and when and whether to write; history is asked, which takes a moment."""
    profile = get_profile(visit.conn, visit.number("id"))
    if profile.erased_at is not None:
        raise NotFound()
    values = {
        "profile": profile,
        "giving": _giving(visit, profile.customer_id),
        "rapport": _asked(visit, "rapport", profile.customer_id),
        "refused": refusal(visit, profile.customer_id),
    }
    return Page("desk/giving.html", values)


def change_consent(visit: Visit) -> Answer:
    """Record what the customer asked for; it holds everywhere once this page answers."""
    profile = get_profile(visit.conn, visit.number("id"))
    if profile.erased_at is not None:
        raise NotFound()
    action = visit.form("do")
    evidence = {"how": visit.form("how")[:500]} if visit.form("how") else {}
    said = consent.Answer(
        customer_id=profile.customer_id, actor=visit.by, source="desk", evidence=evidence
    )
    visit.record(f"consent_{action}"[:40], profile.customer_id, how=visit.form("how")[:500])
    visit.conn.commit()  # what follows is a piece of work with transactions of its own
    try:
        _say(visit, action, said)
    except InputError as error:
        return page_of(visit, profile, visit.say(error))
    return Move(f"/customers/{profile.customer_id}", "customer.consent_saved")


def _say(visit: Visit, action: str, said: consent.Answer) -> None:
    conn, journal, now = visit.conn, visit.journal, visit.now
    if action == "withdraw":
        consent.withdraw(conn, journal, said, now)
    elif action == "object":
        consent.object_to_marketing(conn, journal, said, now)
    elif action == "pause":
        days = visit.integer("days", 30, low=1, high=730)
        consent.pause(conn, journal, said, now + timedelta(days=days), now)
    elif action == "resume":
        consent.resume(conn, journal, said, now)
    elif action == "grant":
        if not said.evidence:
            raise InputError(visit.t("customer.how_needed"))
        consent.grant(conn, journal, said, now)
    else:
        raise InputError(visit.t("form.choose"))


def page_of(visit: Visit, profile: Profile, problem: str = "") -> Page:
    """What the database says at once; what history adds comes after the page."""
    customer_id = profile.customer_id
    traits = {name: value for name, value in profile.traits.items() if name not in _HIDDEN}
    explanation = explanation_of(visit, customer_id)
    values = {
        "profile": profile,
        "traits": sorted(traits.items()),
        "explanation": explanation,
        "sentence": _said(visit, explanation),
        "standing": _standing(visit, customer_id),
        "threads": list_threads(visit.conn, customer_id),
        "messages": past.recent_messages_of(visit, customer_id, 20),
        "has_more_messages": has_files(visit.conn, customer_id),
        "notes": list_notes(visit.conn, customer_id),
        "interests": list_interests(visit.conn, customer_id, visit.now),
        "readers_url": readers_url,
        "problem": problem,
        **_recent(visit, customer_id),
    }
    return Page("desk/customer.html", values, 422 if problem else 200)


def explanation_of(visit: Visit, customer_id: CustomerId) -> Explanation | None:
    """Why the stage is what it is; None where there never was an order."""
    row = find_stage(visit.conn, bucket_of(customer_id), customer_id)
    if row is None:
        return None
    today = visit.now.astimezone(ZoneInfo(read_brand(visit.conn).zone)).date()
    if row.model_version is None:
        return explain(row, None, today)
    return explain(row, find_model(visit.conn, row.model_version), today)


def show_rhythm(visit: Visit) -> Answer:
    """What takes a moment to compute about the rhythm: how sure it is, the year ahead, habits."""
    customer_id = visit.number("id")
    get_profile(visit.conn, customer_id)
    asked = {"customer_id": customer_id}
    try:
        found = ask(visit.settings, "customer_rhythm", asked, timeout_s=_WAIT_S)
    except QueryFailed:
        found = None
    return Page("desk/rhythm_part.html", {"rhythm": found, "weekday": weekday})


def _said(visit: Visit, explanation: Explanation | None) -> Said | None:
    if explanation is None:
        return None
    nothing = find_none(visit.conn) if explanation.model is None else None
    missing = nothing.shortage if nothing else None
    show = Display(visit.locale, read_brand(visit.conn).zone, visit.now)
    return say(sentence(explanation, missing), show)


def _standing(visit: Visit, customer_id: int) -> consent.Standing | None:
    found = consent.get_standing(visit.conn, customer_id)
    return next((one for one in found if one.channel == "email"), None)


def _giving(visit: Visit, customer_id: int) -> dict[str, Any]:
    """Who brought whom, and what each side gave; without the counts where history is late."""
    base = read_brand(visit.conn).public_url or visit.base_url
    return {
        "counts": _asked(visit, "giving", customer_id),
        "friends": [_named(visit, one) for one in list_friends(visit.conn, customer_id)],
        "referrer": _named(visit, find_referrer(visit.conn, customer_id)),
        "link": f"{base.rstrip('/')}/f/{friend_token(visit.keyring, customer_id)}",
    }


def _asked(visit: Visit, kind: str, customer_id: int) -> dict[str, Any] | None:
    """What history says about one customer; None where it does not answer in time."""
    try:
        return ask(visit.settings, kind, {"customer_id": customer_id}, timeout_s=_WAIT_S)
    except QueryFailed:
        return None


def _named(visit: Visit, customer_id: int | None) -> Profile | None:
    return get_profile(visit.conn, customer_id) if customer_id is not None else None


def _messages(visit: Visit, customer_id: int) -> list[dict[str, Any]]:
    """The latest; only what is recent where the history does not answer in time."""
    try:
        return past.messages_of(visit, customer_id, 20)
    except QueryFailed:
        return past.recent_messages_of(visit, customer_id, 20)


def _timeline(visit: Visit, customer_id: int) -> dict[str, Any]:
    """A page of the timeline; only what is recent where the history does not answer in time."""
    before = visit.query("before") or None
    asked = {"customer_id": customer_id, "before": before, "limit": _ENTRIES}
    try:
        found = ask(visit.settings, "timeline", asked, timeout_s=_WAIT_S)
    except QueryFailed:
        return _recent(visit, customer_id, before) | {"state": "late"}
    return _page(visit, found) | {"state": "whole" if found["entries"] or before else "empty"}


def _recent(visit: Visit, customer_id: int, before: str | None = None) -> dict[str, Any]:
    """What has not moved to history yet; the rest comes after the page."""
    page = recent_page(visit.conn, customer_id, before=before, limit=_ENTRIES)
    return _page(visit, msgspec.to_builtins(page)) | {"state": "coming"}


def _page(visit: Visit, found: dict[str, Any]) -> dict[str, Any]:
    entries = [entry_in_words(visit, entry) for entry in found["entries"]]
    return {"entries": entries, "next": found["next"]}


def entry_in_words(visit: Visit, entry: dict[str, Any]) -> dict[str, Any]:
    """One fact as the timeline shows it: whose it is, what happened, and what belongs to it."""
    name, props = entry["name"], entry["props"]
    key = "event." + name.lower().replace(" ", "_")
    known = words.has(visit.locale, key)
    is_ours = name.startswith("Message ") and name.removeprefix("Message ") in _OUR_DOING
    derived = name in ("Stage Changed", "Segment Entered", "Segment Exited")
    return {
        "time": datetime.fromisoformat(entry["time"]),
        "words": visit.t(key) if known else name,
        "side": "derived" if derived else "ours" if is_ours else "theirs",
        "detail": _detail(visit, name, props),
        "props": props,
    }


_OUR_DOING = {"Sent", "Delivered", "Bounced", "Failed", "Suppressed", "Held Out"}


def _detail(visit: Visit, name: str, props: dict[str, Any]) -> str:
    """The one or two values that say most."""
    if name == "Stage Changed":
        steps = [props.get("from"), props.get("to")]
        return " → ".join(visit.t(f"stage.{one}") for one in steps if one)
    if name == "Consent Changed" and words.has(visit.locale, f"consent.{props.get('state')}"):
        return visit.t(f"consent.{props['state']}")
    if name == "Profile Updated":
        return ", ".join(str(key) for key in props if not str(key).startswith("$"))[:120]
    picked = (props.get(key) for key in ("subject", "name", "title", "url", "path", "product"))
    parts = [str(value) for value in picked if isinstance(value, str) and value]
    amount = props.get("total", props.get("revenue"))
    if isinstance(amount, int | float) and not isinstance(amount, bool):
        parts.append(_amount(visit, amount, props.get("currency")))
    return " · ".join(parts)[:160]


def _amount(visit: Visit, amount: float, currency: object) -> str:
    """Money where a currency says so, else the bare number."""
    code = currency.upper() if isinstance(currency, str) else ""
    try:
        minor = to_minor(amount, code)
    except ValueError:
        return f"{amount:,} {code}".strip()
    return Display(visit.locale, "UTC", visit.now).money(minor, code)

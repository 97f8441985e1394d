"""Campaigns: a draft, its counts, the launch, and what became of every message."""

from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from dangol.decide.campaign import results as outcome
from dangol.decide.campaign import service
from dangol.decide.campaign.model import AT_HOUR, Campaign, CampaignState, Draft, Schedule
from dangol.errors import InputError, Refused
from dangol.know.segment.service import list_segments
from dangol.model.message import MessageState
from dangol.speak import launch
from dangol.speak.channel.config import active_channel
from dangol.speak.letter.service import list_letters
from dangol.store.brand import read_brand
from dangol.web.answer import Answer, Move, Page
from dangol.web.desk import past, running
from dangol.web.desk.letters import describe
from dangol.web.desk.listing import CSV_ROWS, PAGE, Figure, KeysetPage, csv_file, list_url, paged
from dangol.web.query import QueryFailed, ask
from dangol.web.visit import Visit

_WAIT_S = 60.0


def show_list(visit: Visit) -> Answer:
    """All campaigns, latest first, and a form for a new one."""
    return _list(visit)


def download(visit: Visit) -> Answer:
    """The list as CSV."""
    rows = ((row.name, row.state, row.launched_at, row.finished_at) for row in _found(visit))
    return csv_file("campaigns.csv", ("name", "state", "launched_at", "finished_at"), rows)


def create(visit: Visit) -> Answer:
    """Keep a new draft."""
    try:
        draft = read_draft(visit)
        made = service.create_campaign(visit.conn, draft, by=visit.by, now=visit.now)
    except InputError as error:
        return _list(visit, visit.say(error))
    visit.record("campaign_created", made.name)
    return Move(f"/campaigns/{made.id}")


def show(visit: Visit) -> Answer:
    """A draft with what stands against it, or a launched campaign with its results."""
    campaign = service.get_campaign(visit.conn, visit.id())
    if campaign.state is CampaignState.DRAFT:
        return _draft(visit, campaign)
    values = {"campaign": campaign, **_results(visit, campaign)}
    return Page("desk/campaign.html", values)


def show_results(visit: Visit) -> Answer:
    """The progress and the counts, as the part of the page that keeps itself up to date."""
    campaign = service.get_campaign(visit.conn, visit.id())
    return Page("desk/campaign_results.html", {"campaign": campaign, **_results(visit, campaign)})


def save(visit: Visit) -> Answer:
    """Change the draft."""
    campaign = service.get_campaign(visit.conn, visit.id())
    try:
        expected = _seen_at(visit)
        draft = read_draft(visit)
        service.edit_campaign(
            visit.conn, campaign.id, draft, expected=expected.astimezone(UTC), now=visit.now
        )
    except InputError as error:
        return _draft(visit, campaign, visit.say(error))
    visit.record("campaign_saved", draft.name)
    return Move(f"/campaigns/{campaign.id}", "campaign.saved")


def _seen_at(visit: Visit) -> datetime:
    """When the draft on the visitor's screen was changed last."""
    try:
        return datetime.fromisoformat(visit.form("expected"))
    except ValueError:
        raise InputError() from None


def count(visit: Visit) -> Answer:
    """Who would get it and why everyone else would not, as a part of the page."""
    values: dict[str, Any] = {"found": None, "problem": ""}
    try:
        found = ask(
            visit.settings, "campaign_audience", {"campaign_id": str(visit.id())}, timeout_s=_WAIT_S
        )
        groups = {"reached": found["reached"], "waiting": found["waiting"]}
        values |= {
            "found": found,
            "groups": _figures(visit, groups),
            "left_out": _figures(visit, found["left_out"]),
            "hours": _hours(visit, found["hours"]),
        }
    except QueryFailed as error:
        values["problem"] = visit.say(error)
    return Page("desk/campaign_count.html", values)


def _figures(visit: Visit, groups: dict[str, int]) -> list[tuple[str, Figure]]:
    path = f"/campaigns/{visit.id()}/audience"
    return [
        (name, Figure(count, list_url(path, {"group": name})))
        for name, count in groups.items()
        if count
    ]


def _hours(visit: Visit, people: list[int]) -> list[tuple[int, Figure, int]]:
    """Hour, how many would get it then, and how long its bar is in hundredths of the longest."""
    most = max(people, default=0)
    figures = dict(_figures(visit, {f"{AT_HOUR}{hour}": n for hour, n in enumerate(people)}))
    return [
        (hour, figures[f"{AT_HOUR}{hour}"], round(100 * n / most))
        for hour, n in enumerate(people)
        if n
    ]


def start(visit: Visit) -> Answer:
    """Launch the draft."""
    campaign = service.get_campaign(visit.conn, visit.id())
    try:
        launch.launch_campaign(
            visit.conn, visit.settings, visit.keyring, campaign.id, by=visit.by, now=visit.now
        )
    except Refused:
        if campaign.state is not CampaignState.DRAFT:
            raise
        return _draft(visit, campaign, visit.t("campaign.cannot_start"))
    visit.record("campaign_launched", campaign.name)
    return Move(f"/campaigns/{campaign.id}", "campaign.launched")


def pause(visit: Visit) -> Answer:
    """Nothing more is handed over."""
    service.pause_campaign(visit.conn, visit.id(), now=visit.now)
    visit.record("campaign_paused", visit.id())
    return Move(f"/campaigns/{visit.id()}", "campaign.paused_said")


def resume(visit: Visit) -> Answer:
    """Go on."""
    service.resume_campaign(visit.conn, visit.id(), now=visit.now)
    visit.record("campaign_resumed", visit.id())
    return Move(f"/campaigns/{visit.id()}", "campaign.resumed_said")


def cancel(visit: Visit) -> Answer:
    """Stop for good."""
    stopped = service.cancel_campaign(visit.conn, visit.id(), now=visit.now)
    visit.record("campaign_cancelled", visit.id(), messages=stopped)
    return Move(f"/campaigns/{visit.id()}", "campaign.cancelled_said", {"n": stopped})


def resend(visit: Visit) -> Answer:
    """Queue again what may or may not have left; some may get it twice."""
    count = outcome.resend_uncertain(visit.conn, visit.id(), now=visit.now)
    visit.record("campaign_resent", visit.id(), messages=count)
    return Move(f"/campaigns/{visit.id()}", "campaign.resent_said", {"n": count})


def delete(visit: Visit) -> Answer:
    """Throw a draft away."""
    service.delete_draft(visit.conn, visit.id())
    visit.record("campaign_deleted", visit.id())
    return Move("/campaigns", "campaign.deleted")


def show_messages(visit: Visit) -> Answer:
    """The people behind one of the counts."""
    campaign = service.get_campaign(visit.conn, visit.id())
    query = _filter(visit)
    after = _after(visit)
    rows = _messages(visit, campaign, query, after, PAGE)
    found = outcome.results(visit.conn, campaign.id)
    total = sum(
        one.messages
        for one in found.standings
        if query.get("state") in (None, one.state.value)
        and query.get("reason") in (None, one.reason or "none")
    )
    following = f"{rows[-1].bucket}-{rows[-1].customer_id}" if len(rows) == PAGE else ""
    path = f"/campaigns/{campaign.id}/messages"
    page = KeysetPage(rows, total, path, following, query, is_first=after == (-1, -1))
    values = {"campaign": campaign, "page": page, "state": "", "reason": ""} | query
    return Page("desk/campaign_messages.html", values)


def download_messages(visit: Visit) -> Answer:
    """The same as CSV, all of it."""
    campaign = service.get_campaign(visit.conn, visit.id())
    query = _filter(visit)
    after, lines = (-1, -1), []
    while len(lines) < CSV_ROWS:
        rows = _messages(visit, campaign, query, after, 5000)
        lines += [
            (row.customer_id, row.name, row.address, row.state, row.reason, row.handed_at)
            for row in rows
        ]
        if len(rows) < 5000:
            break
        after = (rows[-1].bucket, rows[-1].customer_id)
    return csv_file(
        "messages.csv", ("customer_id", "name", "address", "state", "reason", "handed_at"), lines
    )


def show_why(visit: Visit) -> Answer:
    """Why this person got it, or did not."""
    campaign = service.get_campaign(visit.conn, visit.id())
    customer_id = visit.number("customer")
    channel = active_channel(visit.conn, visit.keyring, visit.settings)
    found = outcome.why(
        visit.conn,
        campaign.send_id or 0,
        customer_id,
        is_practice=channel.is_practice,
        now=visit.now,
        then=past.find_then(visit, campaign.send_id or 0, customer_id),
    )
    values = {"campaign": campaign, "found": found, "customer_id": customer_id}
    return Page("desk/campaign_why.html", values)


def read_draft(visit: Visit) -> Draft:
    """The draft in the form.

    Raises:
        InputError: the time cannot be read.
    """
    return Draft(
        name=visit.form("name"),
        segment_id=visit.uuid_field("segment"),
        letter_id=visit.uuid_field("letter"),
        schedule=_schedule(visit),
    )


def _schedule(visit: Visit) -> Schedule:
    when = visit.form("when", "now")
    if when == "now" or (when == "best" and not visit.form("day")):
        return Schedule(best_hour=when == "best")
    try:
        day = date.fromisoformat(visit.form("day"))
        clock = time.fromisoformat(visit.form("time"))
    except ValueError:
        raise InputError(visit.t("campaign.bad_time")) from None
    if when == "local":
        return Schedule(day=day, local_time=clock)
    zone = ZoneInfo(read_brand(visit.conn).zone)
    at = datetime.combine(day, clock, zone).astimezone(UTC)
    return Schedule(at=at, best_hour=when == "best")


def _draft(visit: Visit, campaign: Campaign, problem: str = "") -> Page:
    ready = launch.check_campaign(visit.conn, visit.settings, visit.keyring, campaign.id, visit.now)
    channel = active_channel(visit.conn, visit.keyring, visit.settings)
    values = {
        "campaign": campaign,
        "problem": problem,
        "stops": [visit.t(f"launch.{code}") for code in ready.campaign],
        "letter_problems": [describe(visit, found) for found in ready.letter],
        "may_launch": ready.may_launch,
        "is_practice": channel.is_practice,
        **_choices(visit),
    }
    return Page("desk/campaign_draft.html", values, 422 if problem else 200)


def _choices(visit: Visit) -> dict[str, Any]:
    return {"segments": list_segments(visit.conn), "letters": list_letters(visit.conn)}


def _results(visit: Visit, campaign: Campaign) -> dict[str, Any]:
    found = outcome.results(visit.conn, campaign.id)
    path = f"/campaigns/{campaign.id}/messages"
    lines = [
        (
            one.state.value,
            one.reason,
            Figure(
                one.messages,
                list_url(path, {"state": one.state.value, "reason": one.reason or "none"}),
            ),
        )
        for one in sorted(found.standings, key=lambda one: -one.messages)
    ]
    uncertain = found.count(MessageState.UNCERTAIN)
    return {
        "found": found,
        "lines": lines,
        "everyone": Figure(found.people, path),
        "uncertain": uncertain,
        "refusals": running.refusals(visit),
        "is_moving": campaign.state in ("planning", "running", "scheduled"),
        "names": {row.id: row.name for row in list_segments(visit.conn)},
        "letter_names": {row.id: row.name for row in list_letters(visit.conn)},
    }


def _filter(visit: Visit) -> dict[str, str]:
    states = {state.value for state in MessageState}
    query = {"state": visit.query("state"), "reason": visit.query("reason")[:60]}
    if query["state"] not in states:
        query["state"] = ""
    return {name: value for name, value in query.items() if value}


def _messages(
    visit: Visit, campaign: Campaign, query: dict[str, str], after: tuple[int, int], limit: int
) -> list[outcome.MessageRow]:
    state = MessageState(query["state"]) if "state" in query else None
    reason = query.get("reason")
    part = {"state": state, "reason": "" if reason == "none" else reason, "after": after}
    return past.list_messages(visit, campaign.send_id, part, limit)


def _after(visit: Visit) -> tuple[int, int]:
    bucket, _, customer = visit.query("from").partition("-")
    if bucket.isdecimal() and customer.isdecimal() and len(bucket) < 5 and len(customer) < 19:
        return int(bucket), int(customer)
    return -1, -1


def _found(visit: Visit) -> list[Campaign]:
    wanted = visit.query("q").strip().lower()
    rows = service.list_campaigns(visit.conn, limit=10_000)
    return [row for row in rows if wanted in row.name.lower()]


def _list(visit: Visit, problem: str = "") -> Page:
    q = visit.query("q").strip()
    values = {
        "page": paged(visit, _found(visit), "/campaigns", {"q": q}),
        "q": q,
        "problem": problem,
        "name": visit.form("name"),
        **_choices(visit),
    }
    return Page("desk/campaigns.html", values, 422 if problem else 200)

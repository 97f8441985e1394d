"""How letters leave: the mail server, caps and quiet hours, the public address."""

import asyncio
from uuid import UUID

from dangol.decide.guard.rules import CARES, parse_rules, read_rules
from dangol.errors import InputError
from dangol.speak.channel import config
from dangol.speak.channel.email.verify import verify_target
from dangol.speak.links.reach import verify_public_address
from dangol.store.brand import read_brand, save_setting
from dangol.web.answer import Answer, Move, Page
from dangol.web.desk import post
from dangol.web.visit import Visit


def show(visit: Visit) -> Answer:
    """The channels and the rules."""
    return page(visit)


def save_channel(visit: Visit) -> Answer:
    """Keep a mail server's settings; it is not used before it is chosen."""
    rate = visit.form("rate")
    raw = {
        "host": visit.form("host"),
        "port": visit.integer("port", 587, low=1, high=65535),
        "tls": visit.form("tls", "starttls"),
        "username": visit.form("username"),
    }
    try:
        if rate:
            raw["rate_per_second"] = float(visit.integer("rate", 1, low=1, high=100_000))
        config.save_config(
            visit.conn,
            visit.keyring,
            config.parse_config(raw),
            visit.given.form.get("password", [""])[-1] or None,
            config_id=visit.uuid_field("id"),
            by=visit.by,
            now=visit.now,
        )
    except InputError as error:
        return page(visit, visit.say(error))
    visit.record("channel_saved", raw["host"])
    return Move("/settings/sending", "sending.channel_saved")


def verify(visit: Visit) -> Answer:
    """Connect to the mail server and sign in, without sending anything."""
    target = config.find_target(visit.conn, visit.keyring, visit.id())
    visit.conn.commit()  # the server may take its time
    refusal = asyncio.run(verify_target(target))
    if refusal is not None:
        return page(visit, visit.t("sending.refused", text=refusal.text))
    config.mark_verified(visit.conn, visit.id(), visit.now)
    return Move("/settings/sending", "sending.verified")


def reach(visit: Visit) -> Answer:
    """Ask the public address for something that only this installation can answer."""
    problem = verify_public_address(visit.conn, visit.keyring, by=visit.by, now=visit.now)
    if problem is not None:
        return page(visit, visit.t("sending.not_reached", text=visit.t(f"reach.{problem}")))
    visit.record("address_verified", read_brand(visit.conn).public_url)
    return Move("/settings/sending", "sending.reached")


def choose(visit: Visit) -> Answer:
    """Send everything through this server from now on, or through the sandbox again."""
    chosen: UUID | None = visit.uuid_field("id")
    config.choose_config(visit.conn, chosen, by=visit.by, now=visit.now)
    visit.record("channel_chosen", chosen or "sandbox")
    return Move("/settings/sending", "sending.chosen")


def save_rules(visit: Visit) -> Answer:
    """Keep the caps, the quiet hours, and how much peace to leave people."""
    attention = {"care": visit.form("care", "usual")}
    hours = {"from": visit.form("from"), "until": visit.form("until")}
    try:
        caps = {
            "per_day": visit.integer("per_day", 1, low=0, high=100),
            "per_week": visit.integer("per_week", 4, low=0, high=700),
        }
        parse_rules(caps, hours, read_brand(visit.conn).zone, attention)
    except InputError as error:
        return page(visit, visit.say(error))
    save_setting(visit.conn, "caps", caps, by=visit.by, now=visit.now)
    save_setting(visit.conn, "hours", hours, by=visit.by, now=visit.now)
    save_setting(visit.conn, "attention", attention, by=visit.by, now=visit.now)
    visit.record("rules_saved", "")
    return Move("/settings/sending", "sending.rules_saved")


def page(visit: Visit, problem: str = "") -> Page:
    """The page, with what was wrong with the last form."""
    rows, rules = config.list_configs(visit.conn), read_rules(visit.conn)
    values = {
        "channels": [row for row in rows if row.id is not None and row.kind == "smtp"],
        "uses_sandbox": not any(row.active and row.kind == "smtp" for row in rows),
        "rules": rules,
        "cares": [(word, visit.t(f"sending.care_{word}")) for word in CARES],
        "care": next(word for word, care in CARES.items() if care == rules.care),
        "problem": problem,
        **post.post_values(visit),
    }
    return Page("desk/sending.html", values, 422 if problem else 200)

"""Settings of the shop: who is speaking, in which zone and money, at which address."""

from zoneinfo import available_timezones

from msgspec.structs import replace

from dangol.listen.sources import list_events
from dangol.model.address import normalise_email
from dangol.store.brand import Brand, read_brand, save_brand
from dangol.web import words
from dangol.web.answer import Answer, Move, Page
from dangol.web.visit import Visit

_TEXTS = ("name", "legal_name", "sender_name", "phone", "postal_address", "relationship_event")
_ADDRESSES = ("sender_email", "email")
_URLS = ("site_url", "public_url")


def show(visit: Visit) -> Answer:
    """The form."""
    return _page(visit, read_brand(visit.conn))


def save(visit: Visit) -> Answer:
    """Keep what was given; with a mistake in it nothing is kept and all problems are told."""
    before = read_brand(visit.conn)
    given, problems = read_form(visit)
    brand = replace(before, **given)
    if problems:
        return _page(visit, brand, problems)
    if brand.public_url != before.public_url:
        brand = replace(brand, public_url_verified_at=None)
    save_brand(visit.conn, brand, by=visit.by, now=visit.now)
    visit.record("brand_saved", brand.name)
    return Move("/settings", "shop.saved")


def read_form(visit: Visit) -> tuple[dict[str, object], dict[str, str]]:
    """What was given in the form, and by field what cannot be used."""
    given: dict[str, object] = {name: visit.form(name)[:500] for name in _TEXTS}
    problems: dict[str, str] = {}
    for name in _ADDRESSES:
        given[name] = visit.form(name)
        if visit.form(name) and normalise_email(visit.form(name)) is None:
            problems[name] = visit.t("shop.bad_address")
    for name in _URLS:
        given[name] = visit.form(name).rstrip("/")
        if given[name] and not str(given[name]).startswith(("https://", "http://")):
            problems[name] = visit.t("shop.bad_url")
    choices = {
        "zone": visit.form("zone") in available_timezones(),
        "country": _is_code(visit.form("country").upper(), 2),
        "currency": _is_code(visit.form("currency").upper(), 3),
        "locale": visit.form("locale") in words.LOCALES,
    }
    for name, is_good in choices.items():
        text = visit.form(name)
        given[name] = text.upper() if name in ("country", "currency") else text
        if not is_good:
            problems[name] = visit.t(f"shop.bad_{name}")
    if "zone" in problems:
        given.pop("zone")
    for name in ("name", "relationship_event"):
        if not given[name]:
            problems[name] = visit.t(f"shop.bad_{name}")
    given["reply_domain"] = visit.form("reply_domain").lower().removeprefix("@")
    given["tracks_opens"] = visit.form("tracks_opens") == "on"
    given["tracks_clicks"] = visit.form("tracks_clicks") == "on"
    return given, problems


def _is_code(text: str, length: int) -> bool:
    return len(text) == length and text.isascii() and text.isalpha()


def _page(visit: Visit, brand: Brand, problems: dict[str, str] | None = None) -> Page:
    values = {
        "brand": brand,
        "problems": problems or {},
        "events": [one.name for one in list_events(visit.conn)],
        "zones": sorted(zone for zone in available_timezones() if "/" in zone),
    }
    return Page("desk/shop.html", values, 422 if problems else 200)

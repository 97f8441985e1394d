"""What is kept of the `context` that clients send along: what conditions and letters can use.

Kept: campaign, page, locale, time zone, and the names of library, app, system and kind of
device. Not kept: addresses of machines, user-agent strings, device and advertising ids, screen
sizes; nothing here needs them, and what is not stored cannot leak.
"""

from typing import Any

from dangol.listen.moment import is_zone

_WHOLE = ("campaign", "page")
_PARTS = {
    "library": ("name",),
    "app": ("name", "version"),
    "os": ("name",),
    "device": ("type",),
}
_PAGE = ("path", "referrer", "search", "title", "url")


def keep_context(context: dict[str, Any]) -> dict[str, Any]:
    """The part of an event's context that is stored with it, without what is empty.

    >>> keep_context({"ip": "203.0.113.9", "locale": "ko-KR", "campaign": {}, "os": {"name": "iOS"}})
    {'locale': 'ko-KR', 'os': {'name': 'iOS'}}
    """
    kept = {name: context[name] for name in _WHOLE if _is_filled(context.get(name))}
    kept |= {name: value for name, value in _read_place(context) if value is not None}
    for name, fields in _PARTS.items():
        whole = context.get(name)
        if isinstance(whole, dict):
            part = {field: whole[field] for field in fields if whole.get(field) not in (None, "")}
            if part:
                kept[name] = part
    return kept


def page_of(context: dict[str, Any]) -> dict[str, Any]:
    """The page's own fields from the context, for page calls that do not repeat them."""
    page = context.get("page")
    return {name: page[name] for name in _PAGE if name in page} if isinstance(page, dict) else {}


def person_of(context: dict[str, Any]) -> dict[str, Any]:
    """What a context says about the person behind it, as traits of weaker standing.

    `$timezone` and `$locale` are what the browser knows, not what the person stated;
    `$active` false means that the person did nothing just now.
    """
    found = {f"${name}": value for name, value in _read_place(context) if value is not None}
    if context.get("active") is False:
        found["$active"] = False
    return found


def _read_place(context: dict[str, Any]) -> list[tuple[str, str | None]]:
    locale, zone = context.get("locale"), context.get("timezone")
    return [
        ("locale", locale if isinstance(locale, str) and 0 < len(locale) <= 35 else None),
        ("timezone", zone if is_zone(zone) else None),
    ]


def _is_filled(value: object) -> bool:
    return isinstance(value, dict) and any(part not in (None, "") for part in value.values())

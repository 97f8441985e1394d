"""Pages: Jinja templates with escaping always on, words of one language and the brand's zone."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined

from dangol.web import words
from dangol.web.desk import display, home, navigation

_STATIC = files("dangol.web").joinpath("static")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("dangol.web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["asset"] = asset_url
    environment.globals["has_words"] = words.has
    environment.globals["navigation_of"] = navigation.navigation_of
    environment.globals["verdict_kind"] = lambda verdict: type(verdict).__name__.lower()
    environment.globals["own_doors"] = navigation.OWN_SHOP
    environment.globals["settings_pages"] = navigation.SETTINGS
    environment.globals["quiet_for"] = home.quiet_for
    return environment


@cache
def asset_url(name: str) -> str:
    """The address of a static file, with its content's hash so that browsers may keep it."""
    found = _STATIC.joinpath(name)
    digest = hashlib.sha256(found.read_bytes()).hexdigest()[:12] if found.is_file() else "missing"
    return f"/static/{name}?v={digest}"


def render(template: str, locale: str, zone: str, now: datetime, values: Mapping[str, Any]) -> str:
    """The HTML of `template`; `values` are the page's own, words and formats come with it."""
    given = {
        "today": now.astimezone(ZoneInfo(zone)).date(),
        "t": words.words(locale),
        "locale": locale,
        "locales": words.LOCALES,
        "show": display.Display(locale, zone, now),
    }
    return _environment().get_template(template).render(given | dict(values))

"""Values as people read them: dates in the brand's zone, time gone by, amounts, sizes."""

import math
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from dangol.model.money import exponent_of
from dangol.web.words import text

_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


class Display:
    """Formats of one language, one zone and one moment."""

    def __init__(self, locale: str, zone: str, now: datetime) -> None:
        self.locale = locale
        self.zone = ZoneInfo(zone)
        self.now = now

    def day(self, value: date | datetime | None) -> str:
        """A date, such as 3 Mar 2026 or 2026년 3월 3일."""
        if value is None:
            return ""
        day = value.astimezone(self.zone).date() if isinstance(value, datetime) else value
        if self.locale == "ko":
            return f"{day.year}년 {day.month}월 {day.day}일"
        return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"

    def moment(self, value: datetime | None) -> str:
        """A date with its time of day."""
        if value is None:
            return ""
        return f"{self.day(value)} {value.astimezone(self.zone):%H:%M}"

    def clock(self, value: datetime) -> str:
        """The time of day."""
        return f"{value.astimezone(self.zone):%H:%M}"

    def iso(self, value: date | datetime) -> str:
        """For `datetime` attributes."""
        return value.isoformat()

    def ago(self, value: datetime | None) -> str:
        """How long ago, or how long until, in one unit."""
        if value is None:
            return ""
        gone = self.now - value
        key, count = _unit(abs(gone))
        if key == "now":
            return text(self.locale, "time.now")
        side = "ago" if gone > timedelta(0) else "until"
        return text(self.locale, f"time.{key}_{side}", n=count)

    def days(self, value: float | None) -> str:
        """A length in days, rounded to what a person would say."""
        if value is None:
            return ""
        return text(self.locale, "time.days", n=max(1, round(value)))

    def number(self, value: int | float) -> str:
        """With thousands separators."""
        return f"{value:,}"

    def money(self, minor: int, currency: str) -> str:
        """An amount of minor units with its currency."""
        exponent = exponent_of(currency)
        amount = f"{minor / 10**exponent:,.{exponent}f}"
        if currency == "KRW" and self.locale == "ko":
            return f"{amount}원"
        return f"{amount} {currency}"

    def about(self, minor: float, currency: str) -> str:
        """An estimated amount: no more digits than anybody can know, three."""
        if not minor:
            return self.money(0, currency)
        return self.money(round(minor, 2 - math.floor(math.log10(abs(minor)))), currency)

    def size(self, count: int) -> str:
        """Bytes in a readable unit."""
        value, unit = float(count), "B"
        for unit in ("B", "KB", "MB", "GB"):
            if value < 1000 or unit == "GB":
                break
            value /= 1000
        return f"{value:,.0f} {unit}" if unit in ("B", "KB") else f"{value:,.1f} {unit}"

    def called(self, traits: dict[str, Any]) -> str:
        """How to address a customer: by name only, never by an address; Korean names stay whole."""
        found = str(traits.get("name") or "").strip()
        if self.locale == "en" and traits.get("firstName"):
            return str(traits["firstName"])[:80]
        last, first = (str(traits.get(k) or "") for k in ("lastName", "firstName"))
        korean = f"{last}{first}" if self.locale == "ko" else f"{first} {last}".strip()
        return (found or korean)[:80]

    def name(self, traits: dict[str, Any]) -> str:
        """What to call a customer in lists; empty when nothing is known."""
        full = " ".join(str(traits.get(k) or "") for k in ("firstName", "lastName")).strip()
        found = traits.get("name") or full or traits.get("email") or ""
        return str(found)[:80]


def _unit(length: timedelta) -> tuple[str, int]:
    seconds = int(length.total_seconds())
    if seconds < 60:
        return "now", 0
    if seconds < 3600:
        return "minutes", seconds // 60
    if seconds < 86_400:
        return "hours", seconds // 3600
    return "days", seconds // 86_400

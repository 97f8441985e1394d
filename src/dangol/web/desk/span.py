"""The two days that a page is about, as an address states them."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

from dangol.store.brand import read_brand
from dangol.web.visit import Visit

FIRST_DAY = date(1970, 1, 2)


class DaySpan(msgspec.Struct, frozen=True):
    """From one day to a later one, both in the brand's zone."""

    since: date
    until: date
    zone: str

    @property
    def query(self) -> dict[str, str]:
        """As an address states it."""
        return {"since": self.since.isoformat(), "until": self.until.isoformat()}

    @property
    def ends(self) -> dict[str, str]:
        """The ends of both days, as instants: how things stood on the evening of each."""
        return {"since": self._end(self.since), "until": self._end(self.until)}

    @property
    def whole(self) -> dict[str, str]:
        """From the first morning to the last evening, as instants."""
        return {"since": self._end(self.since - timedelta(days=1)), "until": self._end(self.until)}

    def _end(self, day: date) -> str:
        return datetime.combine(day + timedelta(days=1), time(), ZoneInfo(self.zone)).isoformat()


def span_asked(visit: Visit, *, days: int = 30, ending: int = 0) -> DaySpan:
    """The days asked for; what makes no sense becomes `days` that ended `ending` days ago."""
    zone = read_brand(visit.conn).zone
    today = visit.now.astimezone(ZoneInfo(zone)).date()
    until = today - timedelta(days=ending)
    usual = DaySpan(until - timedelta(days=days), until, zone)
    try:
        since, until = (date.fromisoformat(visit.query(name)) for name in ("since", "until"))
    except ValueError:
        return usual
    return DaySpan(since, until, zone) if FIRST_DAY <= since < until <= today else usual

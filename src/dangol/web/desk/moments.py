"""Moments: something outside, in a place, for a while, and who is in that place."""

import json
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from dangol.errors import DangolError, InputError
from dangol.know.moment.service import Moment, Posted, end_moment, list_moments, post_moment
from dangol.model.area import Area, Circle
from dangol.store.brand import read_brand
from dangol.web.answer import Answer, Move, Page
from dangol.web.desk.listing import csv_file, list_url, paged
from dangol.web.visit import Visit

_SHAPES = ("circle", "regions", "postcodes", "polygon")


def show_list(visit: Visit) -> Answer:
    """All moments, those that go on first, and a form."""
    return _page(visit)


def download(visit: Visit) -> Answer:
    """The list as CSV."""
    rows = (
        (
            one.kind,
            one.words,
            json.dumps(msgspec.to_builtins(one.area)),
            one.since,
            one.until,
            one.ended_at,
        )
        for one in list_moments(visit.conn)
    )
    return csv_file("moments.csv", ("kind", "words", "area", "since", "until", "ended_at"), rows)


def begin(visit: Visit) -> Answer:
    """Post a moment from the form."""
    try:
        posted = Posted(
            kind=visit.form("kind"),
            words=visit.form("words"),
            area=_area(visit),
            since=_instant(visit, "since") or visit.now,
            until=_instant(visit, "until"),
        )
        moment = post_moment(visit.conn, posted, by=visit.by, now=visit.now)
    except DangolError as error:
        return _page(visit, visit.say(error))
    visit.record("moment_posted", moment.id, kind=moment.kind)
    return Move("/moments", "moments.kept")


def end(visit: Visit) -> Answer:
    """It is over."""
    moment = end_moment(visit.conn, visit.id(), visit.now)
    visit.record("moment_ended", moment.id)
    return Move("/moments", "moments.ended_said")


def people_url(moment: Moment) -> str:
    """Where everyone in a moment's place is listed."""
    condition = json.dumps({"kind": "moment", "id": str(moment.id)})
    return list_url("/segments/people", {"condition": condition})


def _page(visit: Visit, problem: str = "") -> Page:
    moments = list_moments(visit.conn)
    values = {
        "page": paged(visit, moments, "/moments", {}),
        "open_ids": {one.id for one in moments if one.is_open(visit.now)},
        "people_url": people_url,
        "area_words": lambda area: _words(visit, area),
        "shapes": _SHAPES,
        "problem": problem,
    }
    return Page("desk/moments.html", values, 422 if problem else 200)


def _area(visit: Visit) -> Area:
    shape = visit.form("shape")
    if shape in ("postcodes", "regions"):
        return Area(**{shape: tuple(visit.form(shape).replace(",", " ").split())})
    if shape == "polygon":
        lines = visit.form("polygon").splitlines()
        corners = [_numbers(line, 2) for line in lines if line.strip()]
        return Area(polygon=tuple((lon, lat) for lat, lon in corners))
    lat, lon = _numbers(visit.form("centre"), 2)
    (radius,) = _numbers(visit.form("radius"), 1)
    return Area(circle=Circle(lat=lat, lon=lon, radius_m=radius))


def _numbers(text: str, wanted: int) -> list[float]:
    parts = text.replace(",", " ").split()
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) != wanted:
        raise InputError("Write points as latitude, longitude, such as 37.5665, 126.9780.")
    return numbers


def _instant(visit: Visit, name: str) -> datetime | None:
    """A form's local time in the brand's zone; None when it is empty."""
    text = visit.form(name)
    if not text:
        return None
    try:
        said = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(visit.t("form.choose")) from None
    return said if said.tzinfo else said.replace(tzinfo=ZoneInfo(read_brand(visit.conn).zone))


def _words(visit: Visit, area: Area) -> str:
    if area.circle is not None:
        at = f"{area.circle.lat:.4f}, {area.circle.lon:.4f}"
        return visit.t("moments.circle_words", at=at, metres=round(area.circle.radius_m))
    if area.polygon is not None:
        return visit.t("moments.polygon_words", n=len(area.polygon))
    if area.regions is not None:
        return ", ".join(area.regions)
    return visit.t("moments.postcode_words", codes=", ".join((area.postcodes or ())[:8]))

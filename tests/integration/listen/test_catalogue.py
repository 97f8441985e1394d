"""A sender that puts data into names cannot fill the catalogue."""

import datetime as dt

import psycopg

from dangol.listen import catalogue
from dangol.listen.catalogue import save_survey, survey
from dangol.listen.heard import Heard

NOW = dt.datetime(2026, 11, 21, 12, 0, tzinfo=dt.UTC)


def event(name: str, props: dict) -> Heard:
    return Heard(key="0" * 32, name=name, time=NOW, received_at=NOW, props=props, source="s")


def test_the_catalogue_stops_growing(conn: psycopg.Connection, monkeypatch) -> None:
    monkeypatch.setattr(catalogue, "MOST_EVENTS", 5)
    monkeypatch.setattr(catalogue, "MOST_PROPERTIES", 5)
    for batch in range(3):
        names = [event(f"E{batch}-{n}", {}) for n in range(4)]
        props = [event("E0-0", {f"p{batch}-{n}": 1}) for n in range(4)]
        save_survey(conn, survey(names + props), NOW)
    events = conn.execute("select count(*) from catalogue_event").fetchone()[0]
    properties = conn.execute("select count(*) from catalogue_property").fetchone()[0]
    assert (events, properties) == (8, 8), "the batch that crosses the limit still enters"
    again = survey([event("E0-0", {"p0-0": 1})])
    save_survey(conn, again, NOW)
    counts = conn.execute("select count from catalogue_event where name = 'E0-0'").fetchone()
    assert counts == (14,), "what is known goes on being counted"


def test_names_that_are_data_stay_out(conn: psycopg.Connection) -> None:
    counted = survey([event("A", {"x" * 201: 1, "": 2, "ok": 3, "none": None})])
    assert [row.name for row in counted.properties] == ["ok"]

"""The schedule: each task by one engine at a time, again after a failure, idle without writing."""

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dangol.engine import schedule
from dangol.engine.planned import list_planned
from dangol.engine.schedule import Clockwork, Task, next_local, prepare_schedule
from dangol.engine.upkeep import forget_old
from dangol.settings import Settings
from dangol.store.retention import Kind, change_days

ZONES = st.sampled_from(["Asia/Seoul", "America/New_York", "Europe/Berlin", "Pacific/Apia"])


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two tasks in place of ours: one that notes that it ran, one that fails."""
    done: list[str] = []

    def fail(settings: Settings, now: dt.datetime) -> None:
        done.append("fail")
        raise ValueError("disk full")

    tasks = (
        Task("note", "Note it", dt.timedelta(hours=1), lambda *_: done.append("note")),
        Task("fail", "Fail", dt.timedelta(hours=1), fail),
        Task("idle", "Never", dt.timedelta(seconds=2), fail, lambda *_: False),
    )
    monkeypatch.setattr(schedule, "SCHEDULE", tasks)
    return done


@pytest.fixture
def auto(conn: psycopg.Connection) -> psycopg.Connection:
    conn.autocommit = True
    prepare_schedule(conn)
    return conn


def test_two_engines_run_each_task_once(ran, auto) -> None:
    engines = [Clockwork(Settings(data=Path("/nowhere")), prompt=False) for _ in range(2)]
    while sum(engine.run_due(auto) for engine in engines):
        pass
    assert sorted(ran) == ["fail", "note"]
    states = {
        one.name: (one.last_error, one.last_finished_at is None) for one in list_planned(auto)
    }
    assert states == {
        "note": (None, False),
        "fail": ("ValueError: disk full", False),
        "idle": (None, True),
    }


def test_what_a_dead_engine_began_is_begun_again_at_once(ran, auto) -> None:
    auto.execute("update schedule set next_at = now() + interval '1 h' where name = 'fail'")
    dying = psycopg.connect(auto.info.dsn, password=auto.info.password, autocommit=True)
    with schedule._held(dying, schedule.SCHEDULE[0]) as is_ours:
        assert is_ours
        assert not _engine().run_due(auto), "another engine is at it"
        auto.execute("select pg_terminate_backend(%s, 5000)", [dying.info.backend_pid])
        with pytest.raises(psycopg.OperationalError):
            dying.execute("select")
    assert _engine().run_due(auto)
    assert not _engine().run_due(auto)
    assert ran == ["note"]


def test_a_clock_that_was_set_back_lets_no_task_rest_for_as_long(ran, auto) -> None:
    assert _engine().run_due(auto)
    auto.execute(
        "update schedule set last_started_at = last_started_at + interval '1 day', "
        "next_at = next_at + interval '1 day' where name = 'note'"
    )
    while _engine().run_due(auto):
        pass
    assert ran.count("note") == 2


def test_practice_mail_and_rejects_of_last_month_are_forgotten(conn, settings) -> None:
    now = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
    for days in (29, 31):
        at = now - dt.timedelta(days=days)
        conn.execute(
            "insert into mailbox_message (id, at, sender, rcpt, subject, raw) "
            "values (gen_random_uuid(), %s, 'a@s.example', 'b@s.example', '', '')",
            [at],
        )
        conn.execute(
            "insert into reject (id, at, source, reason, detail, item) "
            "values (gen_random_uuid(), %s, 's', 'bad_value', '', '')",
            [at],
        )
    conn.commit()
    forget_old(settings, now)
    for table in ("mailbox_message", "reject"):
        assert conn.execute(f"select count(*) from {table}").fetchone()[0] == 1, table
    change_days(conn, Kind.REJECT, 20, by="test", now=now)
    conn.execute("delete from retention where kind = 'practice_mail'")
    conn.commit()
    forget_old(settings, now + dt.timedelta(days=9))
    assert conn.execute("select count(*) from reject").fetchone()[0] == 0, "as the table says"
    assert conn.execute("select count(*) from mailbox_message").fetchone()[0] == 1, "or not at all"


def test_every_task_of_ours_can_be_looked_at_in_an_empty_database(auto) -> None:
    now = dt.datetime.now(dt.UTC)
    due = [task.name for task in schedule.SCHEDULE if task.is_due and task.is_due(auto, now)]
    assert due == ["recount"], "the first look says by what days are counted"
    names = [task.name for task in schedule.SCHEDULE]
    assert len(set(names)) == len(names)


def _engine() -> Clockwork:
    """One that has not looked yet."""
    return Clockwork(Settings(data=Path("/nowhere")), prompt=False)


@given(
    at=st.times(),
    zone=ZONES,
    now=st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2030, 1, 1)),
)
def test_the_hour_comes_within_two_days(at, zone, now) -> None:
    now = now.replace(tzinfo=dt.UTC)
    found = next_local(at, ZoneInfo(zone), now)
    assert now < found <= now + dt.timedelta(days=2)

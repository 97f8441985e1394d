"""The dispatcher's clock: what it knows of the database's time also holds after a sleep."""

import datetime as dt
from types import SimpleNamespace

import pytest

from dangol.speak.dispatch import clock

NOON = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)


class _Database:
    """One that answers with the time that it is."""

    def execute(self, _: str) -> SimpleNamespace:
        return SimpleNamespace(fetchone=lambda: (NOON,))


def test_a_machine_that_slept_knows_that_time_has_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    asleep = 0.0
    monkeypatch.setattr(clock.time, "monotonic", lambda: 100.0)
    monkeypatch.setattr(clock.time, "clock_gettime", lambda _: 100.0 + asleep)
    here = clock.DatabaseClock()
    here.read(_Database())
    asleep = 3600.0
    assert here.now() == NOON + dt.timedelta(hours=1)

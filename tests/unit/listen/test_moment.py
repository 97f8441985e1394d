"""Dates as clients write them, wrong clocks, and offsets."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dangol.listen.moment import correct_moment, find_offset, is_history, parse_moment

RECEIVED = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
MOMENTS = st.datetimes(datetime(2001, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))
SECONDS = st.integers(0, 86_000).map(lambda seconds: timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2026-11-21T19:38:47.040Z", datetime(2026, 11, 21, 19, 38, 47, 40_000, UTC)),
        ("2026-11-21T19:36:46.723434+00:00", datetime(2026, 11, 21, 19, 36, 46, 723_434, UTC)),
        ("2026-01-02T03:04:05", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02T12:04:05+0900", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02 12:04:05 +09", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2015-2-02T01:02:03.5Z", datetime(2015, 2, 2, 1, 2, 3, 500_000, UTC)),
        ("2015/2/2", datetime(2015, 2, 2, tzinfo=UTC)),
        ("2026-01-02T03:04:05.123456789Z", datetime(2026, 1, 2, 3, 4, 5, 123_456, UTC)),
        (1_767_323_045, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        (1_767_323_045_678, datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC)),
    ],
)
def test_dates_are_read_leniently(text: object, wanted: datetime) -> None:
    found = parse_moment(text)
    assert found is not None
    assert found.astimezone(UTC) == wanted


@pytest.mark.parametrize(
    "value",
    [None, "", "soon", "2026-13-01", "2026-02-30", "0001-01-01T00:00:00Z", True, [], {}, 1e300,
     float("nan"), "9" * 5000, "2026-01-02T25:00:00Z", "0001-01-01T00:00:00+23:00"],
)  # fmt: skip
def test_what_names_no_moment_is_none(value: object) -> None:
    assert parse_moment(value) is None


@given(st.text(max_size=70) | st.floats() | st.integers())
def test_no_value_breaks_the_reading(value: object) -> None:
    found = parse_moment(value)
    assert found is None or found.tzinfo is not None


@given(ago=SECONDS, skew=st.integers(-86_000, 86_000), journey=st.integers(0, 300))
def test_a_wrong_clock_is_corrected(ago: timedelta, skew: int, journey: int) -> None:
    """A clock off by up to a day; what remains is the time on the way."""
    wrong, way = timedelta(seconds=skew), timedelta(seconds=journey)
    truth = RECEIVED - way - ago
    sent = RECEIVED - way + wrong
    if abs(RECEIVED - sent) > timedelta(hours=24):
        return
    assert correct_moment(truth + wrong, sent, RECEIVED) - truth == way


@given(client=MOMENTS, sent=st.none() | MOMENTS, received=MOMENTS)
def test_nothing_happens_after_it_was_heard(
    client: datetime, sent: datetime | None, received: datetime
) -> None:
    assert correct_moment(client, sent, received) <= received


def test_a_clock_that_is_days_off_is_not_trusted_for_correction() -> None:
    client = RECEIVED - timedelta(days=40)
    assert correct_moment(client, RECEIVED - timedelta(days=3), RECEIVED) == client


def test_old_events_of_a_good_clock_keep_their_date() -> None:
    old = datetime(1997, 1, 2, tzinfo=UTC)
    assert correct_moment(old, RECEIVED, RECEIVED) == old
    assert is_history(old, RECEIVED)
    assert not is_history(RECEIVED - timedelta(hours=24), RECEIVED)


@pytest.mark.parametrize(
    ("zone", "stated", "minutes"),
    [
        ("Asia/Seoul", None, 540),
        ("America/New_York", None, -300),
        ("GMT+0900", None, 540),
        ("GMT-0330", None, -210),
        ("GMT+9900", None, None),
        ("../../etc/passwd", None, None),
        (None, datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=9))), 540),
        (None, datetime(2026, 1, 1, tzinfo=UTC), None),
        (7, None, None),
    ],
)
def test_the_senders_offset(zone: object, stated: datetime | None, minutes: int | None) -> None:
    assert find_offset(zone, stated, RECEIVED) == minutes

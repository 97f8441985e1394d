"""Rates: never more than allowed in any second, and a meter that follows."""

from bisect import bisect_left

from hypothesis import given, settings
from hypothesis import strategies as st

from dangol.speak.dispatch.pace import RateMeter, TokenBucket


@settings(deadline=None)
@given(
    st.floats(0.5, 100),
    st.lists(st.floats(0, 0.5), min_size=1, max_size=60),
)
def test_no_second_carries_more_than_the_rate(rate: float, pauses: list[float]) -> None:
    bucket, now, taken = TokenBucket(rate), 100.0, []
    for pause in pauses:
        now += pause
        while bucket.take(now):
            taken.append(now)
    at_once = max(1.0, rate / 5)
    for place, start in enumerate(taken):
        assert bisect_left(taken, start + 1) - place <= rate + at_once + 1


def test_without_a_rate_everything_passes() -> None:
    bucket = TokenBucket(None)
    assert all(bucket.take(1.0) for _ in range(1000))


def test_the_meter_follows_what_is_carried_and_ignores_rests() -> None:
    meter = RateMeter(400)
    now = 0.0
    meter.tick(now, is_busy=True)
    for _ in range(50):
        now += 0.1
        meter.add(200)
        meter.tick(now, is_busy=True)
    assert 1900 < meter.rate < 2001
    for _ in range(50):
        now += 1.0
        meter.tick(now, is_busy=False)
    assert meter.rate > 1900

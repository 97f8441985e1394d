"""How fast: a token bucket for what the provider allows, a meter for what it takes."""


class TokenBucket:
    """Lets `rate` messages a second through, at most a fifth of a second's worth at once."""

    def __init__(self, rate: float | None) -> None:
        self.rate = rate
        self._room = max(1.0, rate / 5) if rate else 0.0
        self._tokens = self._room
        self._at: float | None = None

    def take(self, now: float) -> bool:
        """Whether one more message may leave at `now` (seconds of a monotonic clock)."""
        if self.rate is None:
            return True
        if self._at is not None:
            self._tokens = min(self._room, self._tokens + (now - self._at) * self.rate)
        self._at = now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True


class RateMeter:
    """Messages a second over the last seconds, as an exponentially weighted mean."""

    def __init__(self, first: float) -> None:
        self.rate = first
        self._count = 0
        self._at: float | None = None

    def add(self, messages: int) -> None:
        """Count what was carried since the last call."""
        self._count += messages

    def tick(self, now: float, *, is_busy: bool) -> None:
        """Close an interval ending at `now`; intervals without work say nothing about the rate."""
        since, self._at = self._at, now
        count, self._count = self._count, 0
        if since is None or now <= since or not is_busy:
            return
        weight = min(1.0, (now - since) / 1.0)
        self.rate += weight * (count / (now - since) - self.rate)

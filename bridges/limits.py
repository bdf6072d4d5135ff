"""How many messages a device may send."""

from __future__ import annotations

import time
from collections.abc import Callable

from devices.errors import Refusal

MAX_DEVICES = 100_000
"""Devices remembered; past it all start afresh, which forgives a little and bounds the memory."""
BURST_S = 3
"""So many seconds' worth may come at once: on a busy machine a broker, or we, may hand over in a moment what a device
sent in some seconds, and the broker has acknowledged it."""
ALLOWANCE_S = 600.0
"""How long what a device may send beyond its rate stays allowed: time to work off the longest backlog."""


class RateLimiter:
    """A token bucket a device: `limit` messages a second, `BURST_S` times as many at once. 0: no limit."""

    def __init__(self, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._buckets: dict[str, tuple[float, int]] = {}
        self._allowance = 0
        self._allowed_until = 0.0
        self._used: dict[str, int] = {}

    def allow(self, messages: int) -> None:
        """Lets each device send so many messages more than its rate, for some minutes: they waited while we did not
        read, and to refuse them would lose what the broker has acknowledged."""
        now = self._clock()
        left = self._allowance if now < self._allowed_until else 0
        self._allowance = max(left, messages)
        self._allowed_until = now + ALLOWANCE_S
        self._used = {}

    def check(self, uid: str, now: int) -> None:
        """Takes a token at `now` (microseconds). Raises `Refusal("rate_limited")` where none is left."""
        if not self._limit:
            return
        most = float(BURST_S * self._limit)
        tokens, at = self._buckets.get(uid, (most, now))
        tokens = min(most, tokens + max(0, now - at) * self._limit / 1_000_000)
        if tokens < 1:
            self._buckets[uid] = (tokens, now)
            if self._is_allowed(uid):
                return
            raise Refusal("rate_limited", f"{self._limit} messages/s")
        if len(self._buckets) >= MAX_DEVICES:
            self._buckets.clear()
        self._buckets[uid] = (tokens - 1, now)

    def _is_allowed(self, uid: str) -> bool:
        used = self._used.get(uid, 0)
        if used >= self._allowance or self._clock() >= self._allowed_until:
            return False
        self._used[uid] = used + 1
        return True

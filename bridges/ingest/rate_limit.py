"""How many messages a device may send."""

from __future__ import annotations

import time
from collections.abc import Callable

from devices.errors import Refusal

MAX_DEVICES = 100_000
"""Devices remembered; past it all start with a full bucket, which forgives a little and bounds the memory."""
BURST_S = 3
"""Seconds' worth of messages that may come at once: on a busy machine the broker or the hub may hand over in a moment
what a device sent within seconds and the broker has acknowledged."""
ALLOWANCE_S = 600.0
"""How long an extra allowance lasts: time to work off the longest backlog."""


class RateLimiter:
    """A token bucket per device: `limit` messages a second, `BURST_S` times as many at once. 0: no limit."""

    def __init__(self, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._buckets: dict[str, tuple[float, int]] = {}
        self._allowance = 0
        self._allowed_until = 0.0
        self._used: dict[str, int] = {}

    def allow(self, messages: int) -> None:
        """Lets each device send this many messages beyond its rate within the next `ALLOWANCE_S`.

        For messages that were waiting while nothing was read: refusing them would lose what the broker has
        acknowledged.
        """
        now = self._clock()
        left = self._allowance if now < self._allowed_until else 0
        self._allowance = max(left, messages)
        self._allowed_until = now + ALLOWANCE_S
        self._used = {}

    def check(self, uid: str, now: int) -> None:
        """Uses up a token at `now` (microseconds). Raises `Refusal("rate_limited")` if none is left."""
        if not self._limit:
            return
        most = float(BURST_S * self._limit)
        tokens, at = self._buckets.get(uid, (most, now))
        tokens = min(most, tokens + max(0, now - at) * self._limit / 1_000_000)
        if tokens < 1:
            self._buckets[uid] = (tokens, now)
            if self.uses_allowance(uid):
                return
            raise Refusal("rate_limited", f"{self._limit} messages/s")
        if len(self._buckets) >= MAX_DEVICES:
            self._buckets.clear()
        self._buckets[uid] = (tokens - 1, now)

    def uses_allowance(self, uid: str) -> bool:
        """Whether the device has some of its allowance left; uses up one message of it."""
        used = self._used.get(uid, 0)
        if used >= self._allowance or self._clock() >= self._allowed_until:
            return False
        self._used[uid] = used + 1
        return True

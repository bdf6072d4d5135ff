"""How many messages a device may send."""

from __future__ import annotations

from devices.errors import Refusal

MAX_DEVICES = 100_000
"""Devices remembered; past it all start afresh, which forgives a little and bounds the memory."""


class RateLimiter:
    """A token bucket a device: `limit` messages a second, as many at once. 0: no limit."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._buckets: dict[str, tuple[float, int]] = {}

    def check(self, uid: str, now: int) -> None:
        """Takes a token at `now` (microseconds). Raises `Refusal("rate_limited")` where none is left."""
        if not self._limit:
            return
        tokens, at = self._buckets.get(uid, (float(self._limit), now))
        tokens = min(self._limit, tokens + max(0, now - at) * self._limit / 1_000_000)
        if tokens < 1:
            self._buckets[uid] = (tokens, now)
            raise Refusal("rate_limited", f"{self._limit} messages/s")
        if len(self._buckets) >= MAX_DEVICES:
            self._buckets.clear()
        self._buckets[uid] = (tokens - 1, now)

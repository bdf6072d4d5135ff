"""How many requests a connection may make."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

RATE_PER_S = 50.0
BURST = 2_000
"""A page that shows every device subscribes to each of them at once after a reconnect: as many as streams may be."""
MAX_DEBT = 200
"""Refused requests count too: a client that goes on asking is soon so many behind, and is closed with 4429."""


class Verdict(Enum):
    ADMIT = 0
    REFUSE = 1
    CLOSE = 2


class RequestRate:
    """A bucket of `BURST` requests that fills at `RATE_PER_S`."""

    __slots__ = ("_clock", "_filled_at", "_left")

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._filled_at = clock()
        self._left = float(BURST)

    def count(self) -> Verdict:
        """Counts one request and returns the verdict on it."""
        now = self._clock()
        self._left = min(BURST, self._left + (now - self._filled_at) * RATE_PER_S) - 1
        self._filled_at = now
        if self._left >= 0:
            return Verdict.ADMIT
        return Verdict.REFUSE if self._left >= -MAX_DEBT else Verdict.CLOSE

"""How many acks, pongs and refused requests a connection may send. Requests are counted for each person, over all
connections: `devices.runtime.request_rates`."""

from __future__ import annotations

from collections.abc import Callable

CONTROL_PER_S = 10.0
CONTROL_BURST = 2_000
"""Acks, pongs and requests beyond the person's rate that a client may send at once."""
PING_BURST = 100
"""The same for the pings and pongs of the WebSocket itself, of which libraries send a few a minute. Reading one takes
20 µs, and a client that is closed comes back."""
PONG_GAP_S = 1.0
"""A client that pings more often gets one pong a second, and none while it reads nothing."""


class ControlRate:
    """A bucket of `burst` control frames that fills at `CONTROL_PER_S`, and by one for each frame to be answered.

    So a client that sends one answer for each of them never reaches the bound.
    """

    __slots__ = ("_burst", "_clock", "_filled_at", "_left", "_ponged_at")

    def __init__(self, clock: Callable[[], float], burst: int = CONTROL_BURST) -> None:
        self._clock = clock
        self._burst = burst
        self._filled_at = clock()
        self._left = float(burst)
        self._ponged_at = float("-inf")

    def expect(self) -> None:
        """A frame has been sent that the client has to answer."""
        self._left = min(self._burst, self._left + 1)

    def count(self) -> bool:
        """Counts one of them; `False`: it is one too many."""
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._filled_at) * CONTROL_PER_S) - 1
        self._filled_at = now
        return self._left >= 0

    def is_pong_due(self) -> bool:
        """Whether a ping may be answered now: once in `PONG_GAP_S`."""
        now = self._clock()
        if now - self._ponged_at < PONG_GAP_S:
            return False
        self._ponged_at = now
        return True

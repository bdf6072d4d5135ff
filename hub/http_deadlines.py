"""How long a client may take to send a request, the same on Daphne and uvicorn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import Enum

HEADERS_S = 10.0
"""From the connection, or the first byte of a later request, until its headers are complete."""
BODY_GRACE_S = 10.0
BODY_BYTES_PER_S = 500.0
"""A body may take `BODY_GRACE_S`, and a second more for each `BODY_BYTES_PER_S` that have arrived."""
IDLE_S = 60.0
"""How long a connection stays open between two requests."""
ABORT_S = 15.0
"""How long the last bytes to a client that is cut off may take."""

REQUEST_TIMEOUT = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
"""Sent where a body did not come in time."""


class Phase(Enum):
    """What the hub waits for; the value names it in `/metrics`."""

    HEADERS = "headers"
    BODY = "body"
    IDLE = "idle"
    NOTHING = "nothing"


class Deadline:
    """The deadline of one connection, or of one request."""

    __slots__ = ("_began", "_expired", "_loop", "_makes_progress", "_received", "_timer", "phase")

    def __init__(self, expired: Callable[[Phase], None], makes_progress: Callable[[Phase], bool] | None = None) -> None:
        """`expired(phase)` is called once, when the deadline has passed, unless `makes_progress(phase)`, which then
        gives the client the same time again."""
        self._loop = asyncio.get_running_loop()
        self._expired = expired
        self._makes_progress = makes_progress
        self._timer: asyncio.TimerHandle | None = None
        self.phase = Phase.NOTHING
        self._began = 0.0
        self._received = 0

    def wait_for(self, phase: Phase) -> None:
        """From now on the hub waits for this."""
        self.phase = phase
        self._began = self._loop.time()
        self._received = 0
        at = self._at()
        if self._timer is not None and (at is None or self._timer.when() > at):
            self._timer.cancel()
            self._timer = None
        if at is not None and self._timer is None:
            self._timer = self._loop.call_at(at, self._check)

    def received(self, count: int) -> None:
        """Bytes of the body have arrived."""
        self._received += count

    def end(self) -> None:
        """The connection is closed."""
        self.wait_for(Phase.NOTHING)

    def _at(self) -> float | None:
        match self.phase:
            case Phase.HEADERS:
                return self._began + HEADERS_S
            case Phase.BODY:
                return self._began + BODY_GRACE_S + self._received / BODY_BYTES_PER_S
            case Phase.IDLE:
                return self._began + IDLE_S
        return None

    def _check(self) -> None:
        """Only now is it looked up when the deadline is: most requests are over long before it."""
        self._timer = None
        at = self._at()
        if at is None:
            return
        if at > self._loop.time():
            self._timer = self._loop.call_at(at, self._check)
            return
        phase = self.phase
        if self._makes_progress is not None and self._makes_progress(phase):
            self.wait_for(phase)
            return
        self.end()
        self._expired(phase)

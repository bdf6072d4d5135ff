"""One viewer: who it is, what it watches, and what is on its way to it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from dashboards.live import frames
from dashboards.live.errors import CLOSE_CODES, CloseCode
from dashboards.live.logins import Login
from dashboards.live.outbox import Outbox
from dashboards.live.rates import Rate
from dashboards.live.shown import Shown
from dashboards.live.window import Frame, Window
from devices.access import Person
from devices.runtime import stats

logger = logging.getLogger("hubbub.live")

MAX_STREAMS = 2_000
"""Streams that one connection may be subscribed to."""
MAX_BAD_FRAMES = 10

Clock = Callable[[], float]
"""Seconds that only rise."""


class Connection:
    """State of an open socket. Everything here runs on the loop and returns at once."""

    __slots__ = (
        "_clock",
        "_life",
        "bad_frames",
        "busy",
        "checked_at",
        "closed",
        "heard_at",
        "login",
        "outbox",
        "person",
        "pinged_at",
        "rate",
        "streams",
        "user_id",
        "window",
    )

    def __init__(self, person: Person, login: Login, clock: Clock, number: Callable[[], int]) -> None:
        """`number` gives running numbers for telemetry frames of its own (`Window`)."""
        self._clock = clock
        self._life: asyncio.Timeout | None = None
        self.person = person
        self.user_id = int(person.pk or 0)
        self.login = login
        self.streams: dict[str, Shown] = {}
        self.outbox = Outbox()
        self.window = Window(number)
        self.rate = Rate(clock)
        self.bad_frames = 0
        self.busy = False
        """A request is being answered: nothing else of the client is read, so its silence says nothing."""
        self.heard_at = self.pinged_at = clock()
        self.checked_at = float("-inf")
        """When the login was last looked at; a new connection is due at once, see `dashboards.live.keeper`."""
        self.closed: CloseCode | None = None

    @property
    def devices(self) -> frozenset[int]:
        """Ids of the devices that its streams show."""
        return frozenset[int]().union(*[shown.devices for shown in self.streams.values()])

    def live(self, life: asyncio.Timeout | None) -> None:
        """`life` is the scope of the receive loop while there is one; the hub ends it to close the socket."""
        self._life = life

    def push(self, text: str) -> None:
        if not self.outbox.push(text):
            self.close(CloseCode.TOO_SLOW)

    def telemetry(self, frame: Frame) -> None:
        text = self.window.offer(frame)
        if text is not None:
            self.outbox.telemetry(text)

    def acknowledge(self, n: int) -> None:
        self.heard()
        text = self.window.acknowledge(n)
        if text is not None:
            self.outbox.telemetry(text)

    def heard(self) -> None:
        """An ack or a pong has come."""
        self.heard_at = self._clock()

    def ping(self) -> None:
        self.pinged_at = self._clock()
        self.push(frames.PING)

    def close(self, code: CloseCode, farewell: str | None = None) -> None:
        """Ends the connection; `farewell` is its last frame. The first reason counts."""
        if self.closed is not None or self._life is None:
            return
        self.closed = code
        stats.connections_closed.labels(str(code.value)).inc()
        logger.info("closing a connection of %s: %d %s", self.person, code, CLOSE_CODES[code].meaning)
        self.outbox.finish(farewell)
        self._life.reschedule(asyncio.get_running_loop().time())

"""One viewer: its login, the streams it watches, and the frames on their way to it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from dashboards.live import frames
from dashboards.live.errors import CLOSE_CODES, CloseCode
from dashboards.live.frames import ErrorFrame, Frame, SharedTelemetry, TelemetryFrame
from dashboards.live.logins import LoginKey
from dashboards.live.outbox import Outbox
from dashboards.live.rates import ControlRate
from dashboards.live.stream_contents import StreamContents
from dashboards.live.window import Window
from devices.access import Person
from devices.runtime import stats

logger = logging.getLogger("hubbub.live")

MAX_STREAMS = 2_000
"""Streams that one connection may be subscribed to."""
MAX_BAD_FRAMES = 10

Clock = Callable[[], float]
"""Seconds that only rise."""


class Connection:
    """State of an open connection. Everything here runs on the loop and returns at once."""

    __slots__ = (
        "_clock",
        "_life",
        "answers",
        "bad_frames",
        "busy",
        "checked_at",
        "closed",
        "last_sign_at",
        "login",
        "outbox",
        "person",
        "pinged_at",
        "streams",
        "user_id",
        "window",
    )

    def __init__(self, person: Person, login: LoginKey, clock: Clock, number: Callable[[], int]) -> None:
        """`number` gives running numbers for telemetry frames of its own (`Window`)."""
        self._clock = clock
        self._life: asyncio.Timeout | None = None
        self.person = person
        self.user_id = int(person.pk or 0)
        self.login = login
        self.streams: dict[str, StreamContents] = {}
        self.outbox = Outbox()
        self.window = Window(number)
        self.answers = ControlRate(clock)
        self.bad_frames = 0
        self.busy = False
        """A request is being answered: no other frame of the client is read, so its silence means nothing."""
        self.last_sign_at = self.pinged_at = clock()
        """When the client last gave a sign of life, and when it was last asked for one."""
        self.checked_at = float("-inf")
        """When the login was last checked. A new connection is due at once: `dashboards.live.connection_monitor`."""
        self.closed: CloseCode | None = None

    @property
    def devices(self) -> frozenset[int]:
        """Ids of the devices that its streams show."""
        return frozenset[int]().union(*[contents.devices for contents in self.streams.values()])

    def begin(self, life: asyncio.Timeout) -> None:
        """`life` is the scope in which the connection is served; the hub ends it to close the connection."""
        self._life = life

    def end(self) -> None:
        """Nothing is served any more, so that there is nothing left to close."""
        self._life = None

    def push(self, frame: Frame) -> None:
        if not self.outbox.push(frame):
            self.close(CloseCode.TOO_SLOW)

    def telemetry(self, frame: SharedTelemetry) -> None:
        self._send(self.window.offer(frame))

    def acknowledge(self, n: int) -> None:
        """Frames that still wait in the outbox stay unacknowledged, whatever the client claims."""
        self.note_sign_of_life()
        self._send(self.window.acknowledge(min(n, self.outbox.written_n)))

    def note_sign_of_life(self) -> None:
        """The client has sent an ack or a pong."""
        self.last_sign_at = self._clock()

    def ping(self) -> None:
        self.pinged_at = self._clock()
        self.answers.expect()
        self.push(frames.PING)

    def _send(self, frame: TelemetryFrame | None) -> None:
        if frame is not None:
            self.answers.expect()
            self.outbox.telemetry(frame)

    def close(self, code: CloseCode, farewell: ErrorFrame | None = None) -> None:
        """Ends the connection; `farewell` is its last frame. The first reason counts."""
        if self.closed is not None or self._life is None:
            return
        self.closed = code
        stats.connections_closed.labels(str(code.value)).inc()
        logger.info("closing a connection of %s: %d %s", self.person, code, CLOSE_CODES[code].meaning)
        self.outbox.finish(farewell)
        self._life.reschedule(asyncio.get_running_loop().time())

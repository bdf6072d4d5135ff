"""The log of one room on its way to its readers in this process: in the order of `seq`, without a gap."""

from __future__ import annotations

import asyncio

from dashboards.live import frames
from dashboards.live.connection import Connection
from dashboards.live.frames import Frame, LogFrame
from devices.runtime import stats

HOLD_S = 0.25
"""How long a message waits for an earlier one: another process may publish the later of two first."""
MAX_WAITING = 500
MAX_WAITING_CHARACTERS = 1024 * 1024
"""How much may wait for an earlier message, or for a reader's snapshot; past it those readers get `resync`."""


class LogReader:
    """`last` is the seq up to which the client has been sent the log; `None`: nothing is pushed to it.

    `opening`: its snapshot is being read, and what arrives meanwhile is kept for it.
    """

    __slots__ = ("connection", "last", "opening")

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.last: int | None = None
        self.opening = True

    def stop(self) -> None:
        """Pushes nothing more until the client asks again."""
        self.opening, self.last = False, None


class RoomLog:
    """A reader is opened before its snapshot is read, and settled with the snapshot's last seq: so what is stored in
    between is neither lost nor sent twice. One whose messages went missing gets `resync`, and then nothing until it is
    opened again.
    """

    def __init__(self, room_id: int) -> None:
        self.room_id = room_id
        self._readers: dict[Connection, LogReader] = {}
        self._waiting: dict[int, LogFrame] = {}
        self._characters = 0
        self._gap: int | None = None
        self._timer: asyncio.TimerHandle | None = None

    def __bool__(self) -> bool:
        return bool(self._readers)

    def open(self, connection: Connection) -> None:
        """Keeps the messages that arrive from now on for the connection, until it is settled."""
        self._readers[connection] = LogReader(connection)

    def settle(self, connection: Connection, last: int | None) -> None:
        """The client knows the log up to `last`; `None` where it has to ask for more before it can follow."""
        reader = self._readers.get(connection)
        if reader is not None and reader.opening:
            reader.opening, reader.last = False, last
            self._deliver()

    def close(self, connection: Connection) -> None:
        if self._readers.pop(connection, None) is not None:
            self._deliver()

    def add(self, frame: LogFrame) -> None:
        """Adds a message of the room; it may arrive again, or before an earlier one."""
        if frame.seq not in self._waiting:
            self._waiting[frame.seq] = frame
            self._characters += len(frame.text)
        self._deliver()
        if len(self._waiting) > MAX_WAITING or self._characters > MAX_WAITING_CHARACTERS:
            stats.room_losses.labels("bound").inc()
            self._resync_waiting(opening=True)

    def push(self, frame: Frame, but: int = 0) -> None:
        """Pushes what is not part of the log to everybody in the room, except to the person `but`."""
        for connection in self._readers:
            if connection.user_id != but:
                connection.push(frame)

    def lose(self) -> None:
        """Anything may be missing: no reader is sent more until it has asked again. The caller reports the loss."""
        for reader in self._readers.values():
            reader.stop()
        self._deliver()

    def _deliver(self) -> None:
        newest = max(self._waiting, default=0)
        opening, gap = False, None
        for reader in self._readers.values():
            if reader.last is None:
                opening = opening or reader.opening
                continue
            while (frame := self._waiting.get(reader.last + 1)) is not None:
                reader.last += 1
                reader.connection.push(frame)
            if reader.last < newest:
                gap = reader.last + 1 if gap is None else min(gap, reader.last + 1)
        if not opening:
            self._forget_before(newest + 1 if gap is None else gap)
        self._wait_for(gap)

    def _forget_before(self, seq: int) -> None:
        self._waiting = {known: frame for known, frame in self._waiting.items() if known >= seq}
        self._characters = sum(len(frame.text) for frame in self._waiting.values())

    def _wait_for(self, gap: int | None) -> None:
        if gap == self._gap:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._gap = gap
        loop = asyncio.get_running_loop()
        self._timer = None if gap is None else loop.call_later(HOLD_S, self._give_up_gap)

    def _give_up_gap(self) -> None:
        stats.room_losses.labels("hole").inc()
        self._resync_waiting(opening=False)

    def _resync_waiting(self, *, opening: bool) -> None:
        """Sends `resync` to the waiting readers; with `opening` also to those whose snapshot is being read."""
        newest = max(self._waiting, default=0)
        for reader in self._readers.values():
            waits = reader.last is not None and reader.last < newest
            if waits or (opening and reader.opening):
                reader.stop()
                reader.connection.push(frames.resync([f"room:{self.room_id}"], "gap"))
        self._deliver()

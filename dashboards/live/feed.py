"""The log of one room on its way to those who read it in this process: in the order of `seq`, without a hole."""

from __future__ import annotations

import asyncio

from dashboards.live import frames
from dashboards.live.connection import Connection
from devices.runtime import stats

HOLD_S = 0.25
"""How long a message waits for an earlier one: another process may publish the later of two first."""
MAX_WAITING = 500
MAX_WAITING_CHARACTERS = 1024 * 1024
"""What may wait for an earlier message, or for somebody's snapshot; past it those it waits for are told to resync."""


class Reader:
    """`last` is the seq up to which the client has been told the log; `None`: nothing is pushed to it.

    `opening`: its snapshot is being read, and what comes meanwhile is kept for it.
    """

    __slots__ = ("connection", "last", "opening")

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.last: int | None = None
        self.opening = True


class Feed:
    """A reader is opened before its snapshot is read, and settled with the snapshot's last seq: so what is stored in
    between is neither lost nor told twice. One whose messages went missing gets `resync`, and then nothing until it is
    opened again.
    """

    def __init__(self, room_id: int) -> None:
        self.room_id = room_id
        self._readers: dict[Connection, Reader] = {}
        self._waiting: dict[int, str] = {}
        self._characters = 0
        self._hole: int | None = None
        self._patience: asyncio.TimerHandle | None = None

    def __bool__(self) -> bool:
        return bool(self._readers)

    def open(self, connection: Connection) -> None:
        """Keeps what comes from now on for the connection, until it is settled."""
        self._readers[connection] = Reader(connection)

    def settle(self, connection: Connection, last: int | None) -> None:
        """The client knows the log up to `last`; `None` where it has to ask for more before it can follow."""
        reader = self._readers.get(connection)
        if reader is not None and reader.opening:
            reader.opening, reader.last = False, last
            self._deliver()

    def close(self, connection: Connection) -> None:
        if self._readers.pop(connection, None) is not None:
            self._deliver()

    def take(self, seq: int, text: str) -> None:
        """A message of the room, as the push that tells it."""
        if seq not in self._waiting:
            self._waiting[seq] = text
            self._characters += len(text)
        self._deliver()
        if len(self._waiting) > MAX_WAITING or self._characters > MAX_WAITING_CHARACTERS:
            stats.room_losses.labels("bound").inc()
            self._give_up(opening=True)

    def tell(self, text: str, but: int = 0) -> None:
        """Pushes what is not part of the log to all who are in the room, except to the person `but`."""
        for connection in self._readers:
            if connection.user_id != but:
                connection.push(text)

    def lose(self) -> None:
        """Anything may be missing: nobody is told more until they have asked again. Telling them so is the caller's."""
        for reader in self._readers.values():
            reader.opening, reader.last = False, None
        self._deliver()

    def _deliver(self) -> None:
        newest = max(self._waiting, default=0)
        opening, hole = False, None
        for reader in self._readers.values():
            if reader.last is None:
                opening = opening or reader.opening
                continue
            while (text := self._waiting.get(reader.last + 1)) is not None:
                reader.last += 1
                reader.connection.push(text)
            if reader.last < newest:
                hole = reader.last + 1 if hole is None else min(hole, reader.last + 1)
        if not opening:
            self._forget_before(newest + 1 if hole is None else hole)
        self._wait_for(hole)

    def _forget_before(self, seq: int) -> None:
        self._waiting = {known: text for known, text in self._waiting.items() if known >= seq}
        self._characters = sum(map(len, self._waiting.values()))

    def _wait_for(self, hole: int | None) -> None:
        if hole == self._hole:
            return
        if self._patience is not None:
            self._patience.cancel()
        self._hole = hole
        loop = asyncio.get_running_loop()
        self._patience = None if hole is None else loop.call_later(HOLD_S, self._lose_patience)

    def _lose_patience(self) -> None:
        stats.room_losses.labels("hole").inc()
        self._give_up(opening=False)

    def _give_up(self, *, opening: bool) -> None:
        """Tells those to resync who wait; those who are `opening` too where it is their turn to be given up."""
        newest = max(self._waiting, default=0)
        for reader in self._readers.values():
            waits = reader.last is not None and reader.last < newest
            if waits or (opening and reader.opening):
                reader.opening, reader.last = False, None
                reader.connection.push(frames.resync([f"room:{self.room_id}"], "gap"))
        self._deliver()

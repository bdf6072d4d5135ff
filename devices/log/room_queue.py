"""Writes into rooms, one after the other in each: so what this process publishes for a room is in order."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary, WeakValueDictionary

from django.db import DataError

from devices.channel import fanout
from devices.channel.events import Event
from devices.errors import Invalid, TooMany
from devices.runtime import database, file_storage

logger = logging.getLogger("hubbub.rooms")

Speaker = tuple[str, int]
"""An author of writes into rooms: `person` or `webhook`, and its id."""

MAX_WAITING = 20
"""Writes of one speaker, in all rooms, that are under way or queued in this process. One more is refused, since each
queued write makes everybody else in its room wait longer."""


@dataclass(slots=True)
class Written:
    """The `seq` of what was written, and the events to publish after the commit.

    `obsolete` names files that no message refers to any more; they are deleted afterwards.
    """

    seq: int
    events: list[Event] = field(default_factory=list)
    obsolete: list[str] = field(default_factory=list)


class RoomQueue:
    """The writes of one event loop. Use `current`."""

    def __init__(self) -> None:
        self._rooms: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._waiting: Counter[Speaker] = Counter()
        # The event loop itself would forget a task that nobody awaits any more.
        self._running: set[asyncio.Task[int]] = set()

    async def run(self, room_id: int, speaker: Speaker, write: Callable[[], Written]) -> int:
        """Calls `write` in a database thread when it is its turn in the room, publishes, and returns the `seq`.

        Raises `TooMany` for a speaker with `MAX_WAITING` writes under way, and `Invalid` if the database rejects the
        data. Goes on if the caller is cancelled: a stored message that was never published would stay invisible until
        the room's next one.
        """
        if self._waiting[speaker] >= MAX_WAITING:
            raise TooMany(f"{MAX_WAITING} of your messages are being written; try again when one of them is done")
        self._waiting[speaker] += 1
        task = asyncio.get_running_loop().create_task(self._write(room_id, write), name=f"write into room {room_id}")
        self._running.add(task)
        task.add_done_callback(lambda done: self._end(speaker, done))
        return await asyncio.shield(task)

    def _end(self, speaker: Speaker, task: asyncio.Task[int]) -> None:
        self._running.discard(task)
        self._waiting[speaker] -= 1
        if not self._waiting[speaker]:
            del self._waiting[speaker]

    async def _write(self, room_id: int, write: Callable[[], Written]) -> int:
        turn = self._rooms.setdefault(room_id, asyncio.Lock())
        async with turn:
            written = await database.run(_stored, write)
            await fanout.publish(written.events)
        for name in written.obsolete:  # outside of the turn: a slow storage delays nobody else in the room
            await asyncio.to_thread(file_storage.delete, name)
        return written.seq


_queues: WeakKeyDictionary[asyncio.AbstractEventLoop, RoomQueue] = WeakKeyDictionary()


def current() -> RoomQueue:
    """The queue of the running event loop."""
    return _queues.setdefault(asyncio.get_running_loop(), RoomQueue())


def _stored(write: Callable[[], Written]) -> Written:
    try:
        return write()
    except DataError as error:  # reported as an unavailable database, the client would send it again for ever
        logger.warning("the database rejects what was written into a room: %s", error)
        raise Invalid("the hub cannot store this") from None

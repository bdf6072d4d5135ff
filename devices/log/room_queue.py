"""Writes into rooms, one after the other in each: what this process publishes of a room is in order."""

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
"""Who writes into rooms: a person or a webhook, and its id."""

MAX_WAITING = 20
"""Writes of one speaker, in all rooms, that are under way or wait for their turn in this process; one more is refused.
Each that waits for a room would make everybody else there wait longer."""


@dataclass(slots=True)
class Posted:
    """The seq of what was written, and what to publish after the commit.

    `obsolete`: names of files that no message has any more, to be deleted.
    """

    seq: int
    events: list[Event] = field(default_factory=list)
    obsolete: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Turns:
    rooms: WeakValueDictionary[int, asyncio.Lock] = field(default_factory=WeakValueDictionary)
    waiting: Counter[Speaker] = field(default_factory=Counter)


_of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, _Turns] = WeakKeyDictionary()
_running: set[asyncio.Task[int]] = set()
"""The event loop itself would forget a task that nobody waits for any more."""


async def in_turn(room_id: int, speaker: Speaker, write: Callable[[], Posted]) -> int:
    """Writes when it is the caller's turn in the room, publishes, and returns the seq.

    Raises `TooMany` for who has `MAX_WAITING` writes under way, and `Invalid` where the database does not take it. It
    goes on where the caller is cancelled: what was stored and never told would show with the room's next message.
    """
    turns = _of_loops.setdefault(asyncio.get_running_loop(), _Turns())
    if turns.waiting[speaker] >= MAX_WAITING:
        raise TooMany(f"{MAX_WAITING} messages of yours are under way; try again when one has been written")
    turns.waiting[speaker] += 1
    task = asyncio.get_running_loop().create_task(_write(turns, room_id, write), name=f"write into room {room_id}")
    _running.add(task)
    task.add_done_callback(lambda done: _end(turns, speaker, done))
    return await asyncio.shield(task)


def _end(turns: _Turns, speaker: Speaker, task: asyncio.Task[int]) -> None:
    _running.discard(task)
    turns.waiting[speaker] -= 1
    if not turns.waiting[speaker]:
        del turns.waiting[speaker]


async def _write(turns: _Turns, room_id: int, write: Callable[[], Posted]) -> int:
    turn = turns.rooms.setdefault(room_id, asyncio.Lock())
    async with turn:
        posted = await database.run(_stored, write)
        await fanout.publish(posted.events)
    for name in posted.obsolete:  # a slow storage holds up nobody else in the room, nor a thread of the database
        await asyncio.to_thread(file_storage.drop, name)
    return posted.seq


def _stored(write: Callable[[], Posted]) -> Posted:
    try:
        return write()
    except DataError as error:  # told as a database that is away, it would be sent again for ever
        logger.warning("the database does not take what was written into a room: %s", error)
        raise Invalid("the hub cannot store this") from None

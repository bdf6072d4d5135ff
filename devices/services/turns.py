"""Writes into rooms, one after the other in each: what this process publishes of a room is in order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary, WeakValueDictionary

from django.db import DataError

from devices import database, fanout, stats
from devices.errors import HubbubError, Invalid
from devices.events import Event

logger = logging.getLogger("hubbub.rooms")


@dataclass(slots=True)
class Posted:
    """The seq of what was written, and what to publish after the commit."""

    seq: int
    events: list[Event] = field(default_factory=list)


_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, WeakValueDictionary[int, asyncio.Lock]] = WeakKeyDictionary()
_running: set[asyncio.Task[int]] = set()
"""The event loop itself would forget a task that nobody waits for any more."""


async def in_turn(room_id: int, write: Callable[[], Posted]) -> int:
    """Writes when it is the caller's turn in the room, publishes, and returns the seq.

    Raises `Invalid` where the database does not take it. It goes on where the caller is cancelled: what was stored and
    never told would show with the room's next message.
    """
    task = asyncio.get_running_loop().create_task(_write(room_id, write), name=f"write into room {room_id}")
    _running.add(task)
    task.add_done_callback(_running.discard)
    try:
        return await asyncio.shield(task)
    except HubbubError as error:
        stats.chat_refused.labels(error.code).inc()
        raise


async def _write(room_id: int, write: Callable[[], Posted]) -> int:
    turns = _turns.setdefault(asyncio.get_running_loop(), WeakValueDictionary())
    turn = turns.setdefault(room_id, asyncio.Lock())
    async with turn:
        posted = await database.run(_stored, write)
        await fanout.publish(posted.events)
    return posted.seq


def _stored(write: Callable[[], Posted]) -> Posted:
    try:
        return write()
    except DataError as error:  # told as a database that is away, it would be sent again for ever
        logger.warning("the database does not take what was written into a room: %s", error)
        raise Invalid("the hub cannot store this") from None

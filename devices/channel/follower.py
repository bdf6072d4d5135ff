"""Publishes in this process the events that other processes have stored in the database."""

from __future__ import annotations

import asyncio
import logging
from weakref import WeakKeyDictionary

from django.db import Error as DatabaseError

from devices.channel import fanout, outside_events
from devices.runtime import database

logger = logging.getLogger("hubbub.outside_events")

POLL_S = 0.5
"""Pause between two looks at the table, which is nearly always empty."""


class _Follower:
    def __init__(self) -> None:
        self.users = 0
        self._reader = outside_events.Reader()
        self._task = asyncio.create_task(self._run(), name="outside events")

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._reader.close()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(POLL_S)
            try:
                await fanout.publish(await database.run(self._reader.read))
            except DatabaseError as error:
                logger.debug("cannot read the events of other processes: %s", error)
            except Exception:  # the next events must arrive all the same
                logger.exception("the events of other processes could not be published")


_followers: WeakKeyDictionary[asyncio.AbstractEventLoop, _Follower] = WeakKeyDictionary()


def follow() -> None:
    """From now on, publishes on this event loop what other processes store, until `unfollow` is called as often.

    Does nothing with a channel layer that reaches other processes.
    """
    if not outside_events.are_needed():
        return
    loop = asyncio.get_running_loop()
    follower = _followers.get(loop) or _followers.setdefault(loop, _Follower())
    follower.users += 1


async def unfollow() -> None:
    loop = asyncio.get_running_loop()
    follower = _followers.get(loop)
    if follower is None:
        return
    follower.users -= 1
    if follower.users == 0:
        del _followers[loop]
        await follower.stop()

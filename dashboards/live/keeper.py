"""Looks after the connections of a process: who has fallen silent, and whose login or rights have ended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Container, Coroutine, Iterable
from dataclasses import dataclass

from django.db import Error as DatabaseError

from dashboards.live import frames, logins, streams
from dashboards.live.connection import Clock, Connection
from dashboards.live.errors import CloseCode
from dashboards.live.logins import Login
from dashboards.live.streams import Watched
from devices.access import Person
from devices.runtime import database

logger = logging.getLogger("hubbub.live")


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds. A login is looked at again `recheck_s` after the last look, so well within 30 s on a busy hub."""

    sweep_s: float = 1.0
    ping_s: float = 10.0
    silence_s: float = 20.0
    recheck_s: float = 20.0


class Keeper:
    """`allow(connection, asked, watched, changed)` is told which of the streams `asked` about a connection may still
    watch, and which of them show something else, be it of the same devices.
    """

    def __init__(
        self,
        connections: Iterable[Connection],
        allow: Callable[[Connection, Iterable[str], Watched, Container[str]], None],
        clock: Clock,
        times: Times,
    ) -> None:
        self._connections = connections
        self._allow = allow
        self._clock = clock
        self._times = times
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        self._begin(self._keep())

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def look_at(self, connections: Iterable[Connection], changed: Container[str] = ()) -> None:
        """Checks the logins and rights of these connections now, and tells them of the streams that have changed."""
        self._begin(self.check(list(connections), changed))

    def sweep(self) -> None:
        """Pings the quiet and closes the silent. Also the busy are pinged: one who talks without a pause might be so at
        every sweep but the one that closes it."""
        now = self._clock()
        for connection in list(self._connections):
            quiet = now - connection.heard_at
            if quiet >= self._times.silence_s and not connection.busy:
                connection.close(CloseCode.TOO_SLOW)
            elif quiet >= self._times.ping_s and now - connection.pinged_at >= self._times.ping_s:
                connection.ping()

    async def check(self, connections: Iterable[Connection], changed: Container[str] = ()) -> None:
        """Asks the database; a database that is away leaves things as they are until the next sweep."""
        by_login: dict[Login, list[Connection]] = {}
        for connection in connections:
            by_login.setdefault(connection.login, []).append(connection)
        for login, shared in by_login.items():
            began = self._clock()
            asked = {connection: tuple(connection.streams) for connection in shared}
            wanted = {stream for names in asked.values() for stream in names}
            try:
                person, watched = await database.run(_look, login, wanted)
            except DatabaseError as error:
                logger.warning("cannot check logins: %s", error)
                return
            for connection in shared:
                connection.checked_at = began
                if person is None:
                    connection.close(
                        CloseCode.UNAUTHENTICATED, frames.error("unauthenticated", "the login has ended: sign in again")
                    )
                else:
                    connection.person = person
                    self._allow(connection, asked[connection], watched, changed)

    async def turn(self) -> None:
        """One round: whoever is silent, and the logins whose turn it is."""
        self.sweep()
        before = self._clock() - self._times.recheck_s
        await self.check([connection for connection in self._connections if connection.checked_at <= before])

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(self._times.sweep_s)
            try:
                await self.turn()
            except Exception:
                logger.exception("a look after the connections failed")

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work, name="keeper")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _look(login: Login, wanted: Iterable[str]) -> tuple[Person | None, Watched]:
    person = logins.person(login)
    return person, {} if person is None else streams.watchable(person, wanted)

"""Watches over the connections of a process: closes the silent ones, and those whose login has ended, and ends streams
that the person may not watch any more."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Container, Coroutine, Iterable
from dataclasses import dataclass

from django.db import Error as DatabaseError

from dashboards.live import frames, logins, streams
from dashboards.live.connection import Clock, Connection
from dashboards.live.errors import CloseCode
from dashboards.live.logins import LoginKey
from dashboards.live.streams import Watchable
from devices.access import Person
from devices.runtime import database
from devices.spaces import people

logger = logging.getLogger("hubbub.live")


@dataclass(frozen=True, slots=True)
class MonitorIntervals:
    """Seconds. A login is checked again `recheck_s` after the last check, so well within 30 s on a busy hub."""

    sweep_s: float = 0.5
    ping_s: float = 10.0
    silence_s: float = 20.0
    recheck_s: float = 20.0


ApplyRights = Callable[[Connection, Iterable[str], Watchable, Container[str]], None]
"""`(connection, asked, watchable, changed)`: called with the streams that were `asked` about, those of them that the
connection may still watch, and those that show something else now, be it of the same devices."""


class ConnectionMonitor:
    def __init__(
        self, connections: Collection[Connection], apply_rights: ApplyRights, clock: Clock, intervals: MonitorIntervals
    ) -> None:
        self._connections = connections
        self._apply_rights = apply_rights
        self._clock = clock
        self._intervals = intervals
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        self._begin(self._run())

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def check_soon(self, connections: Iterable[Connection], changed: Container[str] = ()) -> None:
        """Has the logins and permissions of these connections checked, and `changed` streams reported to them."""
        self._begin(self.check(list(connections), changed))

    def sweep(self) -> None:
        """Pings quiet connections and closes silent ones. Busy ones are pinged too: a client whose requests leave no
        pause might be busy at every sweep but the one that closes it."""
        now = self._clock()
        for connection in list(self._connections):
            quiet = now - connection.last_sign_at
            if quiet >= self._intervals.silence_s and not connection.busy:
                connection.close(CloseCode.TOO_SLOW)
            elif quiet >= self._intervals.ping_s and now - connection.pinged_at >= self._intervals.ping_s:
                connection.ping()

    async def check(self, connections: Iterable[Connection], changed: Container[str] = ()) -> None:
        """Asks the database; while it is unavailable, everything stays as it is until the next sweep."""
        by_login: dict[LoginKey, list[Connection]] = {}
        for connection in connections:
            by_login.setdefault(connection.login, []).append(connection)
        for login, shared in by_login.items():
            began = self._clock()
            asked = {connection: tuple(connection.streams) for connection in shared}
            wanted = {stream for names in asked.values() for stream in names}
            try:
                person, watchable = await database.run(_check, login, wanted)
            except DatabaseError as error:
                logger.warning("cannot check logins: %s", error)
                return
            for connection in shared:
                connection.checked_at = began
                if person is None:
                    _close_unauthenticated(connection)
                else:
                    connection.person = person
                    self._apply_rights(connection, asked[connection], watchable, changed)

    async def run_once(self) -> None:
        """One round: closes the silent connections, and checks the logins that are due, or of deactivated people."""
        self.sweep()
        before = self._clock() - self._intervals.recheck_s
        inactive = await self._inactive_people()
        due = [c for c in self._connections if c.checked_at <= before or c.user_id in inactive]
        await self.check(due)

    async def _inactive_people(self) -> set[int]:
        """One query a round, so that a deactivation without an event ends streams within a second too."""
        if not self._connections:
            return set()
        try:
            return await database.run(people.inactive)
        except DatabaseError:
            return set()  # `check` logs it

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._intervals.sweep_s)
            try:
                await self.run_once()
            except Exception:
                logger.exception("a check of the connections failed")

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work, name="connection monitor")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _close_unauthenticated(connection: Connection) -> None:
    farewell = frames.error("unauthenticated", "the login has ended: sign in again")
    connection.close(CloseCode.UNAUTHENTICATED, farewell)


def _check(login: LoginKey, wanted: Iterable[str]) -> tuple[Person | None, Watchable]:
    person = logins.person(login)
    return person, {} if person is None else streams.watchable(person, wanted)

"""Who is in the rooms that this process shows: reports who is there through it, and tells who joined and who left."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from dashboards.live.presence.contract import Forgotten, Presence, Report
from devices.channel import fanout
from devices.channel.events import PresenceChanged
from devices.runtime import stats

logger = logging.getLogger("hubbub.live")

LOOK_S = 8.0
"""How often all rooms are looked at, whether anybody said that something changed or not; a report lives three looks."""
PAUSE_S = 0.1
"""Least pause between two looks: two hundred people who join at once are a few."""
PATIENCE_S = 1.0
"""How long a look may take; a back end that takes longer is away."""
FIRST_LOOK_S = 0.5
"""How long a newcomer waits to be told who is there already."""

Tell = Callable[[int, frozenset[str], frozenset[str]], None]
"""Told of a room: who joined, who left."""


@dataclass(frozen=True, slots=True)
class Pace:
    look_s: float = LOOK_S
    pause_s: float = PAUSE_S


class Roster:
    """What is told comes from comparing what the back end says with what was told before, so no lost event leaves
    anybody in a room for ever. While the back end is away, this process's own people come and go and the others stay;
    they do so for one look more once it is back, since it may have forgotten what others have yet to report again.
    """

    def __init__(self, presence: Presence, tell: Tell, pace: Pace | None = None) -> None:
        self._presence = presence
        self._tell = tell
        self._pace = pace or Pace()
        self._here: dict[int, Counter[str]] = {}
        self._reported: dict[int, frozenset[str]] = {}
        self._known: dict[int, frozenset[str]] = {}
        self._due: set[int] = set()
        self._hints: set[int] = set()
        self._wake = asyncio.Event()
        self._hint = asyncio.Event()
        self._looked = asyncio.Event()
        self._away = False
        self._doubted_until = 0.0
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [asyncio.create_task(work()) for work in (self._work, self._look_regularly, self._publish)]

    async def stop(self) -> None:
        """Reports that whoever was here has left."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._here.clear()
        self._due |= self._reported.keys()
        if self._due:
            await self._look()
        await fanout.publish([PresenceChanged(room_id) for room_id in self._hints])
        with suppress(Exception):
            await self._presence.close()

    def enter(self, room_id: int, name: str) -> None:
        """One more connection of this person is in the room."""
        self._here.setdefault(room_id, Counter())[name] += 1
        self.look_at([room_id])

    def leave(self, room_id: int, name: str) -> None:
        here = self._here.get(room_id)
        if here is None:
            return  # all have left with `stop`
        here[name] -= 1
        if not here[name]:
            del here[name]
        if not here:
            del self._here[room_id]
        self.look_at([room_id])

    def look_at(self, rooms: Iterable[int]) -> None:
        """Somebody may have come to these rooms or left them; those that are not shown here are left out."""
        self._due.update(room for room in rooms if room in self._here or room in self._reported)
        if self._due:
            self._wake.set()

    def doubt(self) -> None:
        """The back end may have lost what it knew."""
        self._doubt()
        self.look_at(self._here)

    async def known(self, room_id: int) -> None:
        """Returns when the room has been looked at, or after a moment."""
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_LOOK_S):
                while room_id not in self._known and not self._away:
                    await self._looked.wait()

    def present(self, room_id: int) -> list[str]:
        """Who is in the room, as far as this process knows."""
        return sorted(self._known.get(room_id, frozenset()) | set(self._here.get(room_id, ())))

    def _doubt(self) -> None:
        """From now on nobody is told to have left who may only not have been reported again yet."""
        self._doubted_until = asyncio.get_running_loop().time() + self._pace.look_s + PATIENCE_S

    async def _work(self) -> None:
        while True:
            await self._wake.wait()
            try:
                await self._look()
            except Exception:
                logger.exception("a look at who is in rooms failed")
            await asyncio.sleep(self._pace.pause_s)

    async def _publish(self) -> None:
        """Tells other processes to look: beside the looking, which a channel layer that is away must not hold up."""
        while True:
            await self._hint.wait()
            self._hint.clear()
            hints, self._hints = self._hints, set()
            await fanout.publish([PresenceChanged(room_id) for room_id in hints])

    async def _look_regularly(self) -> None:
        while True:
            await asyncio.sleep(self._pace.look_s)
            self.look_at([*self._here, *self._reported])

    async def _look(self) -> None:
        due, self._due = self._due, set()
        self._wake.clear()
        reports = {room_id: self._report(room_id) for room_id in due}
        changed = [room_id for room_id, report in reports.items() if report.here != self._told_of(room_id)]
        found = await self._ask(reports)
        for room_id, report in reports.items():
            self._compare(room_id, report, found)
        self._looked.set()
        self._looked = asyncio.Event()
        if found is not None and changed:
            self._hints.update(changed)
            self._hint.set()

    def _report(self, room_id: int) -> Report:
        here = frozenset(self._here.get(room_id, ()))
        return Report(here, self._told_of(room_id) - here)

    def _told_of(self, room_id: int) -> frozenset[str]:
        """Who is in the room through this process, as the back end knows it."""
        return self._reported.get(room_id, frozenset())

    async def _ask(self, reports: dict[int, Report]) -> dict[int, frozenset[str]] | None:
        """What the back end says; `None` where it is away."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                found = await self._presence.report(reports)
        except Forgotten:
            self._reported.clear()
            self.doubt()
            return None
        except Exception as error:
            stats.presence_failures.inc()
            if not self._away:
                logger.warning("cannot tell who is in rooms: %r", error)
            self._away = True
            self._doubt()
            return None
        self._away = False
        return found

    def _compare(self, room_id: int, report: Report, found: dict[int, frozenset[str]] | None) -> None:
        before = self._known.get(room_id, frozenset())
        if found is not None:
            self._note(room_id, report.here)
        now = report.here if found is None else found[room_id]
        if asyncio.get_running_loop().time() < self._doubted_until:
            now |= before - report.gone
        if room_id not in self._here:
            self._known.pop(room_id, None)
            return
        self._known[room_id] = now
        if now != before:
            self._tell(room_id, now - before, before - now)

    def _note(self, room_id: int, reported: frozenset[str]) -> None:
        if reported:
            self._reported[room_id] = reported
        else:
            self._reported.pop(room_id, None)

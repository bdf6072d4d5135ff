"""The people in the rooms that this process shows: reports those here through it, and pushes who joined and left."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from dashboards.live.presence.contract import Presence, PresenceForgotten, PresenceReport
from devices.channel import fanout
from devices.channel.events import PresenceChanged
from devices.runtime import stats

logger = logging.getLogger("hubbub.live")

LOOK_S = 8.0
"""How often all rooms are looked at, whether or not a change was reported; a report lives for three looks."""
PAUSE_S = 0.1
"""Least pause between two looks: two hundred people who join at once cost only a few."""
PATIENCE_S = 1.0
"""How long a look may take; a back end that takes longer counts as unavailable."""
FIRST_LOOK_S = 0.5
"""How long the snapshot for a newcomer waits for the names of those who are there already."""

OnChange = Callable[[int, frozenset[str], frozenset[str]], None]
"""Called with a room, who joined it, and who left it."""


@dataclass(frozen=True, slots=True)
class RosterIntervals:
    look_s: float = LOOK_S
    pause_s: float = PAUSE_S


class Roster:
    """Changes are found by comparing what the back end answers with what it answered before, so no lost event leaves
    anybody in a room for ever. While the back end is unavailable, this process's own people come and go and the others
    stay; they stay for one look more once it is back, since it may have forgotten what others have yet to report again.
    """

    def __init__(self, presence: Presence, on_change: OnChange, intervals: RosterIntervals | None = None) -> None:
        self._presence = presence
        self._on_change = on_change
        self._intervals = intervals or RosterIntervals()
        self._here: dict[int, Counter[str]] = {}
        self._reported: dict[int, frozenset[str]] = {}
        self._known: dict[int, frozenset[str]] = {}
        self._due: set[int] = set()
        self._hints: set[int] = set()
        self._wake = asyncio.Event()
        self._hint = asyncio.Event()
        self._looked = asyncio.Event()
        self._unavailable = False
        self._doubted_until = 0.0
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [asyncio.create_task(work()) for work in (self._work, self._look_regularly, self._publish)]

    async def stop(self) -> None:
        """Reports that everybody who was here has left."""
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
        """People may have joined or left these rooms; rooms that are not shown here are ignored."""
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
                while room_id not in self._known and not self._unavailable:
                    await self._looked.wait()

    def present(self, room_id: int) -> list[str]:
        """Returns who is in the room, as far as this process knows."""
        return sorted(self._known.get(room_id, frozenset()) | set(self._here.get(room_id, ())))

    def _doubt(self) -> None:
        """Until then nobody counts as having left who may only not have been reported again yet."""
        self._doubted_until = asyncio.get_running_loop().time() + self._intervals.look_s + PATIENCE_S

    async def _work(self) -> None:
        while True:
            await self._wake.wait()
            try:
                await self._look()
            except Exception:
                logger.exception("a look at who is in rooms failed")
            await asyncio.sleep(self._intervals.pause_s)

    async def _publish(self) -> None:
        """Has other processes look. A task of its own: an unavailable channel layer must not delay our own looks."""
        while True:
            await self._hint.wait()
            self._hint.clear()
            hints, self._hints = self._hints, set()
            await fanout.publish([PresenceChanged(room_id) for room_id in hints])

    async def _look_regularly(self) -> None:
        while True:
            await asyncio.sleep(self._intervals.look_s)
            self.look_at([*self._here, *self._reported])

    async def _look(self) -> None:
        due, self._due = self._due, set()
        self._wake.clear()
        reports = {room_id: self._report(room_id) for room_id in due}
        changed = [room_id for room_id, report in reports.items() if report.here != self._reported_in(room_id)]
        found = await self._ask(reports)
        for room_id, report in reports.items():
            self._compare(room_id, report, found)
        self._looked.set()
        self._looked = asyncio.Event()
        if found is not None and changed:
            self._hints.update(changed)
            self._hint.set()

    def _report(self, room_id: int) -> PresenceReport:
        here = frozenset(self._here.get(room_id, ()))
        return PresenceReport(here, self._reported_in(room_id) - here)

    def _reported_in(self, room_id: int) -> frozenset[str]:
        """The people in the room through this process, as the back end knows them."""
        return self._reported.get(room_id, frozenset())

    async def _ask(self, reports: dict[int, PresenceReport]) -> dict[int, frozenset[str]] | None:
        """Returns the back end's answer; `None` where it is unavailable."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                found = await self._presence.report(reports)
        except PresenceForgotten:
            self._reported.clear()
            self.doubt()
            return None
        except Exception as error:
            stats.presence_failures.inc()
            if not self._unavailable:
                logger.warning("cannot find out who is in rooms: %r", error)
            self._unavailable = True
            self._doubt()
            return None
        self._unavailable = False
        return found

    def _compare(self, room_id: int, report: PresenceReport, found: dict[int, frozenset[str]] | None) -> None:
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
            self._on_change(room_id, now - before, before - now)

    def _note(self, room_id: int, reported: frozenset[str]) -> None:
        if reported:
            self._reported[room_id] = reported
        else:
            self._reported.pop(room_id, None)

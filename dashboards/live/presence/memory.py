"""Presence within one process: for a hub without Redis."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping

from dashboards.live.presence.contract import TTL_S, Report

Rooms = dict[int, dict[tuple[int, str], float]]
"""Room -> (back end, username) -> until when the report holds."""

_numbers = itertools.count(1)


class MemoryPresence:
    """`rooms` is what several of them share, each as a process of its own."""

    def __init__(
        self, ttl_s: float = TTL_S, rooms: Rooms | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ttl_s = ttl_s
        self._rooms: Rooms = {} if rooms is None else rooms
        self._clock = clock
        self._number = next(_numbers)

    async def report(self, rooms: Mapping[int, Report]) -> dict[int, frozenset[str]]:
        return {room_id: self._take(room_id, report) for room_id, report in rooms.items()}

    def _take(self, room_id: int, report: Report) -> frozenset[str]:
        now = self._clock()
        room = {who: until for who, until in self._rooms.get(room_id, {}).items() if until > now}
        for name in report.gone:
            room.pop((self._number, name), None)
        room |= {(self._number, name): now + self._ttl_s for name in report.here}
        if room:
            self._rooms[room_id] = room
        else:
            self._rooms.pop(room_id, None)
        return frozenset(name for _, name in room)

    async def close(self) -> None:
        """Nothing to close."""

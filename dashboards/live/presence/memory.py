"""Presence within one process: for a hub without Redis."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from dashboards.live.presence.contract import TTL_S, PresenceReport

Reports = dict[int, dict[tuple["MemoryPresence", str], float]]
"""Room -> (back end, username) -> until when the report holds."""


class MemoryPresence:
    """Several that share their `reports` are like several processes."""

    def __init__(
        self, ttl_s: float = TTL_S, reports: Reports | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ttl_s = ttl_s
        self._reports: Reports = {} if reports is None else reports
        self._clock = clock

    async def report(self, rooms: Mapping[int, PresenceReport]) -> dict[int, frozenset[str]]:
        return {room_id: self._apply(room_id, report) for room_id, report in rooms.items()}

    def _apply(self, room_id: int, report: PresenceReport) -> frozenset[str]:
        now = self._clock()
        room = {key: until for key, until in self._reports.get(room_id, {}).items() if until > now}
        for name in report.gone:
            room.pop((self, name), None)
        room |= {(self, name): now + self._ttl_s for name in report.here}
        if room:
            self._reports[room_id] = room
        else:
            self._reports.pop(room_id, None)
        return frozenset(name for _, name in room)

    async def close(self) -> None:
        """There is nothing to close."""

"""Who may be told to be typing: once a second for each person and room, in each process."""

from __future__ import annotations

from collections.abc import Callable

PAUSE_S = 1.0
MAX_KEPT = 10_000
"""People and rooms of the last second; past it the oldest are forgotten, and may be told once more."""


class Typists:
    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._told: dict[tuple[int, int], float] = {}
        """(person, room) -> when, oldest first."""

    def is_due(self, user_id: int, room_id: int) -> bool:
        """Whether nothing was told of them within the last second."""
        return self._clock() - self._told.get((user_id, room_id), -PAUSE_S) >= PAUSE_S

    def may_tell(self, user_id: int, room_id: int) -> bool:
        """The same; if so this counts as told."""
        if not self.is_due(user_id, room_id):
            return False
        now = self._clock()
        key = (user_id, room_id)
        self._told.pop(key, None)
        self._told[key] = now
        self._forget(now)
        return True

    def _forget(self, now: float) -> None:
        while self._told:
            oldest = next(iter(self._told))
            if now - self._told[oldest] < PAUSE_S and len(self._told) <= MAX_KEPT:
                return
            del self._told[oldest]

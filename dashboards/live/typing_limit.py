"""Limits how often typing is passed on: once a second for each person and room, in each process."""

from __future__ import annotations

from collections.abc import Callable

PAUSE_S = 1.0
MAX_KEPT = 10_000
"""People and rooms of the last second; past it the oldest are forgotten, and may be passed on once more."""


class TypingLimit:
    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._passed_at: dict[tuple[int, int], float] = {}
        """(person, room) -> when it was last passed on, oldest first."""

    def is_due(self, user_id: int, room_id: int) -> bool:
        """Whether nothing was passed on of them within the last second."""
        return self._clock() - self._passed_at.get((user_id, room_id), -PAUSE_S) >= PAUSE_S

    def acquire(self, user_id: int, room_id: int) -> bool:
        """The same; where it is due, the second begins anew."""
        if not self.is_due(user_id, room_id):
            return False
        now = self._clock()
        key = (user_id, room_id)
        self._passed_at.pop(key, None)
        self._passed_at[key] = now
        self._forget(now)
        return True

    def _forget(self, now: float) -> None:
        while self._passed_at:
            oldest = next(iter(self._passed_at))
            if now - self._passed_at[oldest] < PAUSE_S and len(self._passed_at) <= MAX_KEPT:
                return
            del self._passed_at[oldest]

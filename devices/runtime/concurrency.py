"""How many of something heavy may be under way at once."""

from __future__ import annotations

import threading

from devices.errors import TooMany


class Slots:
    """At most `most` at once in this process, in all threads; there is no queue. `what` names them in the error."""

    def __init__(self, what: str, most: int) -> None:
        self._what = what
        self._most = most
        self._lock = threading.Lock()
        self.taken = 0

    def __enter__(self) -> None:
        """Raises `TooMany`."""
        with self._lock:
            if self.taken >= self._most:
                raise TooMany(f"{self._most} {self._what} are under way; try again when one has ended")
            self.taken += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self.taken -= 1

"""A limit on how many expensive operations run at the same time."""

from __future__ import annotations

import threading

from devices.errors import TooMany


class ConcurrencyLimit:
    """At most `limit` operations at a time in all threads of this process, without a queue.

    `name` is their plural, for the error.
    """

    def __init__(self, name: str, limit: int) -> None:
        self._name = name
        self._limit = limit
        self._lock = threading.Lock()
        self.running = 0

    def __enter__(self) -> None:
        """Raises `TooMany`."""
        with self._lock:
            if self.running >= self._limit:
                raise TooMany(f"{self._limit} {self._name} are running; try again when one has finished")
            self.running += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self.running -= 1

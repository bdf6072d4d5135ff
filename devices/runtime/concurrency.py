"""A limit on how many expensive operations run at the same time."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from devices.errors import TooMany
from devices.runtime import stats


class ConcurrencyLimit:
    """At most `limit` operations at a time in all threads of this process, without a queue.

    `name` is their plural, for the error and the counter. `each` bounds those of one person, so that nobody can hold
    all the places.
    """

    def __init__(self, name: str, limit: int, each: int | None = None) -> None:
        self._name = name
        self._limit = limit
        self._each = limit if each is None else each
        self._lock = threading.Lock()
        self._of_person: Counter[int] = Counter()
        self.running = 0

    def __enter__(self) -> None:
        """Raises `TooMany`."""
        with self._lock:
            self._start()

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self.running -= 1

    @contextmanager
    def of(self, person_id: int) -> Iterator[None]:
        """One operation of the person. Raises `TooMany`."""
        with self._lock:
            if self._of_person[person_id] >= self._each:
                self._refuse(f"{self._each} {self._name} of yours are running; try again when one has finished")
            self._start()
            self._of_person[person_id] += 1
        try:
            yield
        finally:
            with self._lock:
                self.running -= 1
                self._of_person[person_id] -= 1
                self._of_person += Counter()  # drops those that have none left

    def _start(self) -> None:
        if self.running >= self._limit:
            self._refuse(f"{self._limit} {self._name} are running; try again when one has finished")
        self.running += 1

    def _refuse(self, message: str) -> None:
        stats.operations_refused.labels(self._name).inc()
        raise TooMany(message)

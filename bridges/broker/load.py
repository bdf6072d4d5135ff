"""What the sink has of an account and has not finished, from all of its connections, also those that have ended."""

from __future__ import annotations

from typing import Protocol

from .sink import Unaccepted


class Waiter(Protocol):
    """An intake that is not read until there is room."""

    def go_on(self) -> None: ...


class Load:
    """Counted for each account: a client that reconnects again and again would otherwise have as much each time."""

    __slots__ = ("__weakref__", "bytes", "messages", "waiters", "wills")

    def __init__(self) -> None:
        self.messages = self.bytes = self.wills = 0
        self.waiters: set[Waiter] = set()

    def add(self, size: int) -> None:
        self.messages += 1
        self.bytes += size

    def remove(self, size: int) -> None:
        self.messages -= 1
        self.bytes -= size

    def call_waiters(self) -> None:
        """Those go on for which there is room."""
        for waiter in tuple(self.waiters):
            waiter.go_on()


class WillOnItsWay:
    """A will counts by itself: it must not be lost because its device has sent too much, and none may follow endlessly.

    Nobody waits for it: its client is gone, so the sink must not count on its being sent again.
    """

    __slots__ = ("_load",)

    def __init__(self, load: Load) -> None:
        self._load: Load | None = load
        load.wills += 1

    def done(self, unaccepted: Unaccepted | None = None) -> None:
        if self._load is not None:
            self._load.wills -= 1
            self._load = None

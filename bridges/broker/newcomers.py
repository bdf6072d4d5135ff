"""Connections that have sent no CONNECT yet. They are few and cheap: the oldest ones make room."""

from __future__ import annotations

import asyncio
from typing import Protocol

from .limits import Limits


class Newcomer(Protocol):
    """A connection. `network`: where it comes from."""

    network: str

    def close(self, reason: str) -> None: ...


class Newcomers:
    """At most `Limits.newcomers`, and `newcomers_per_network` of each network.

    An honest client sends its CONNECT at once, so many of them may arrive together without exceeding the bounds for
    long: they are enforced only `newcomer_grace_s` after they were exceeded. Then the oldest connections of a network
    with too many are closed, and after that those of the network that has the most.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._by_network: dict[str, dict[Newcomer, None]] = {}  # each in the order of arrival
        self._count = 0
        self._trim: asyncio.TimerHandle | None = None

    def add(self, connection: Newcomer) -> None:
        mine = self._by_network.setdefault(connection.network, {})
        mine[connection] = None
        self._count += 1
        if self._trim is None and (self._too_many(mine) or self._count > self._limits.newcomers):
            self._trim = asyncio.get_running_loop().call_later(self._limits.newcomer_grace_s, self._evict)

    def discard(self, connection: Newcomer) -> None:
        """It has sent its CONNECT, or is gone."""
        mine = self._by_network.get(connection.network, {})
        if connection in mine:
            del mine[connection]
            self._count -= 1
            if not mine:
                del self._by_network[connection.network]

    def close(self) -> None:
        """The broker stops."""
        if self._trim is not None:
            self._trim.cancel()

    def _evict(self) -> None:
        self._trim = None
        for mine in list(self._by_network.values()):
            while self._too_many(mine):
                self._evict_oldest(mine)
        while self._count > self._limits.newcomers:
            self._evict_oldest(max(self._by_network.values(), key=len))

    def _evict_oldest(self, mine: dict[Newcomer, None]) -> None:
        oldest = next(iter(mine))
        self.discard(oldest)
        oldest.close("evicted")

    def _too_many(self, mine: dict[Newcomer, None]) -> bool:
        return len(mine) > self._limits.newcomers_per_network

"""The groups of the channel layer that this process is in, each for as long as a connection wants it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable

from devices.channel.listener import Listener


class GroupMembership:
    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._wanted: Counter[str] = Counter()
        self._leaving: set[asyncio.Task[None]] = set()

    def want(self, names: Iterable[str]) -> None:
        """One more connection wants these groups; `join` follows."""
        self._wanted.update(names)

    async def join(self, names: Iterable[str]) -> None:
        """Returns once everything that is published to these groups from now on is received."""
        await asyncio.gather(*[self._listener.join(name) for name in names])

    def release(self, names: Iterable[str]) -> None:
        """One connection less wants these groups."""
        for name in names:
            self._wanted[name] -= 1
            if not self._wanted[name]:
                del self._wanted[name]
                task = asyncio.create_task(self._leave(name), name=f"leaving {name}")
                self._leaving.add(task)
                task.add_done_callback(self._leaving.discard)

    async def settled(self) -> None:
        """Returns once all groups that nobody wants are left."""
        await asyncio.gather(*self._leaving)

    @property
    def wanted(self) -> frozenset[str]:
        return frozenset(self._wanted)

    async def _leave(self, name: str) -> None:
        if not self._wanted[name]:  # no connection has come to want it since
            await self._listener.leave(name)

"""The relay of this process."""

from __future__ import annotations

import asyncio
from weakref import WeakKeyDictionary

from dashboards.live.errors import CloseCode
from dashboards.live.relay import Relay


class Relays:
    """One relay for each event loop: a server has one loop, tests have many. The ASGI application owns it."""

    def __init__(self) -> None:
        self._by_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, Relay] = WeakKeyDictionary()

    def current(self) -> Relay:
        """Returns the relay of the running event loop, made when it is first asked for."""
        loop = asyncio.get_running_loop()
        relay = self._by_loop.get(loop)
        if relay is None:
            relay = self._by_loop[loop] = Relay()
        return relay

    def use(self, relay: Relay) -> None:
        """Makes `relay` that of the running event loop: one with other intervals, for instance."""
        self._by_loop[asyncio.get_running_loop()] = relay

    async def close_all(self, code: CloseCode = CloseCode.RESTART) -> None:
        """Closes every connection of the running loop, as before the process ends; returns once they are closed."""
        await self.current().close_all(code)

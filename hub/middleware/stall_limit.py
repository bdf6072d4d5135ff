"""Cuts off clients that stop reading a response. Needs a server whose `send` waits while the socket is full."""

from __future__ import annotations

import asyncio
from typing import Any

from devices.runtime import stats
from hub.middleware import Application, Receive, Send

STALL_S = 60
"""How long a client may read nothing while bytes wait for it."""


class Stalled(Exception):
    """The client has read nothing for too long; raised into the application that sends."""


class StallLimit:
    """ASGI middleware: a client that reads nothing of a response for `limit_s` seconds is cut off."""

    def __init__(self, application: Application, limit_s: float = STALL_S) -> None:
        self._application = application
        self._limit_s = limit_s

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        async def limited(message: dict[str, Any]) -> None:
            try:
                async with asyncio.timeout(self._limit_s):
                    await send(message)
            except TimeoutError:
                stats.connections_cut.labels("stalled").inc()
                raise Stalled(f"a client read nothing for {self._limit_s} s") from None

        await self._application(scope, receive, limited)

"""Notices several web processes that need Redis and do not have it."""

from __future__ import annotations

import asyncio
from typing import Any
from weakref import WeakKeyDictionary

from devices.runtime import only_process
from hub.middleware import Application, Receive, Send


class ClaimOnce:
    """ASGI middleware: from the first request on, this process claims to be the only one. Servers do not all report
    their start to the application. `/readyz` shows whether the claim was refused."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._claims: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Task[None]] = WeakKeyDictionary()

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        loop = asyncio.get_running_loop()
        if loop not in self._claims:
            self._claims[loop] = asyncio.create_task(only_process.keep_claiming(), name="claim of the web process")
        await self._application(scope, receive, send)

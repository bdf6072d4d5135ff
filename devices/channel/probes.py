"""Messages that a listener sends through the channel layer to itself, to find out whether the layer delivers."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

REPEAT_S = 0.1
"""A probe is sent again after this: Redis may receive it before the subscription that it has to prove."""

PROBE = "probe"
"""Type of the messages; not an event."""


class Probes:
    """Sends probes and waits until they come back. `timeout_s`: a layer that takes longer has failed."""

    def __init__(self, layer: Any, timeout_s: float) -> None:
        self._layer = layer
        self._timeout_s = timeout_s
        self._pending: dict[str, asyncio.Event] = {}

    async def confirm(self, group: str) -> None:
        """Returns once messages to the group come back. Raises `TimeoutError`, and what the layer raises."""
        async with asyncio.timeout(self._timeout_s):
            while not await self._comes_back(group, REPEAT_S):
                pass

    async def check(self, group: str) -> None:
        """Like `confirm`, but with a single probe, as the group is known to be joined."""
        if not await self._comes_back(group, self._timeout_s):
            raise TimeoutError("a probe did not come back")

    def receive(self, token: str) -> None:
        """Call it for each probe that is received, also for those of other listeners."""
        if token in self._pending:
            self._pending[token].set()

    async def _comes_back(self, group: str, within_s: float) -> bool:
        token = secrets.token_hex(8)
        came_back = self._pending[token] = asyncio.Event()
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._layer.group_send(group, {"type": PROBE, "token": token})
            async with asyncio.timeout(within_s):  # `wait_for` of Python 3.11 may swallow a cancellation
                await came_back.wait()
        except TimeoutError:
            return False
        finally:
            del self._pending[token]
        return True

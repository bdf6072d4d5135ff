"""Many viewers that come back by themselves, as docs/protocol/websocket.md asks of a client."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

FIRST_S, LONGEST_S = 0.5, 8.0
PROVEN_S = 10.0
OPEN_S = 10.0
ACK_EVERY = 8
POLL_S = 0.05


def backoff(attempt: int) -> float:
    """Seconds before the next try: the page's own rule (`close_codes.js`)."""
    ceiling = min(LONGEST_S, FIRST_S * 2**attempt)
    return ceiling / 2 + random.random() * ceiling / 2


class Returning:
    """A viewer of one device that counts. `last` is the newest count it was shown, in a snapshot or live."""

    def __init__(self, url: str, token: str, uid: str, metric: str) -> None:
        self.is_back = False
        self.back_at = 0.0
        self.last = -1.0
        self.holes = 0
        self._url, self._token, self._uid, self._metric = url, token, uid, metric
        self._telemetry = 0

    async def run(self) -> None:
        attempt = 0
        while True:
            began = time.monotonic()
            with suppress(OSError, WebSocketException, TimeoutError):
                await self._visit()
            proven = self.is_back and time.monotonic() - began > PROVEN_S
            self.is_back = False
            attempt = 0 if proven else attempt
            await asyncio.sleep(backoff(attempt))
            attempt += 1

    async def _visit(self) -> None:
        headers = {"Authorization": f"Bearer {self._token}"}
        # Pings of its own would be one more timer for each of hundreds of connections; the hub has some.
        options = {"compression": None, "ping_interval": None, "open_timeout": OPEN_S}
        async with connect(self._url, additional_headers=headers, **options) as socket:
            await socket.send(json.dumps({"id": 1, "type": "subscribe", "stream": f"device:{self._uid}"}))
            async for text in socket:
                await self._take(socket, text)

    async def _take(self, socket: ClientConnection, text: str | bytes) -> None:
        frame = json.loads(text)
        if frame.get("reply") == 1 and frame["ok"]:
            self.last = max(self.last, frame["result"]["latest"].get(self._metric, [0, -1])[1])
            self.is_back, self.back_at = True, time.monotonic()
        elif frame.get("type") == "ping":
            await socket.send('{"type":"pong"}')
        elif frame.get("type") == "telemetry":
            for _, count in frame["devices"][self._uid][self._metric]:
                self.holes += count > self.last + 1
                self.last = max(self.last, count)
            self._telemetry += 1
            if self._telemetry % ACK_EVERY == 0:
                await socket.send(json.dumps({"type": "ack", "n": frame["n"]}))


class Crowd:
    def __init__(self, viewers: int, url: str, token: str, uid: str, metric: str) -> None:
        """`url` of the hub, `http://…`"""
        live = url.replace("http", "ws", 1) + "/ws/"
        self.viewers = [Returning(live, token, uid, metric) for _ in range(viewers)]

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(viewer.run()) for viewer in self.viewers]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def all(self, condition: Callable[[Returning], bool], within_s: float) -> None:
        """Returns once it is true of all. Raises `TimeoutError` with how many it is not true of."""
        end = time.monotonic() + within_s
        while missing := sum(not condition(viewer) for viewer in self.viewers):
            if time.monotonic() > end:
                raise TimeoutError(f"not true of {missing} of {len(self.viewers)} after {within_s} s")
            await asyncio.sleep(POLL_S)

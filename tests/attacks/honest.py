"""Honest devices and viewers: what they send and see while others misbehave."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Self

import aiomqtt
from websockets.asyncio.client import ClientConnection, connect

from tests.support.data_folder import Credentials
from tests.support.hub import RunningHub

PERIOD_S = 0.25
"""Between two messages of a device."""
SEEN_S = 30
"""How long the last message may take to be seen."""


@dataclass
class Crowd:
    """Devices that count, each with a viewer of its own. `delays`: seconds from a publish to its viewer."""

    hub: RunningHub
    devices: Sequence[Credentials]
    token: str
    sent: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    seen: defaultdict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    delays: list[float] = field(default_factory=list)
    _open: AsyncExitStack = field(default_factory=AsyncExitStack)
    _clients: dict[str, aiomqtt.Client] = field(default_factory=dict)
    _viewers: list[asyncio.Task[None]] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        for device in self.devices:
            client = aiomqtt.Client(
                "127.0.0.1",
                self.hub.mqtt_port,
                identifier=device.uid,
                username=device.uid,
                password=device.secret,
            )
            self._clients[device.uid] = await self._open.enter_async_context(client)
            viewer = connect(
                f"{self.hub.url.replace('http', 'ws')}/ws/",
                additional_headers={"Authorization": f"Bearer {self.token}"},
            )
            socket = await self._open.enter_async_context(viewer)
            await socket.send(json.dumps({"id": 1, "type": "subscribe", "stream": f"device:{device.uid}"}))
            while "reply" not in json.loads(await socket.recv()):
                pass
            self._viewers.append(asyncio.create_task(self._watch(socket, device.uid)))
        return self

    async def __aexit__(self, *_: object) -> None:
        for viewer in self._viewers:
            viewer.cancel()
        await self._open.aclose()

    async def work(self, seconds: float) -> list[float]:
        """The delays of what is sent in this time. Raises where anything fails, or is not seen."""
        self.delays.clear()
        await asyncio.gather(*[self._publish(uid, seconds) for uid in self._clients])
        async with asyncio.timeout(SEEN_S):
            while any(len(self.seen[uid]) < count for uid, count in self.sent.items()):
                self._check_viewers()
                await asyncio.sleep(0.05)
        return sorted(self.delays)

    def _check_viewers(self) -> None:
        for viewer in self._viewers:
            if viewer.done():
                viewer.result()
                raise AssertionError("a viewer's connection has ended")

    async def _publish(self, uid: str, seconds: float) -> None:
        began = time.monotonic()
        for turn in itertools.count():
            pause = began + turn * PERIOD_S - time.monotonic()
            if turn * PERIOD_S > seconds:
                return
            await asyncio.sleep(max(0.0, pause))
            values = {"count": self.sent[uid], "at": time.time()}
            self.sent[uid] += 1
            await self._clients[uid].publish(f"devices/{uid}/telemetry", json.dumps(values), qos=1)

    async def _watch(self, socket: ClientConnection, uid: str) -> None:
        async for text in socket:
            frame: dict[str, Any] = json.loads(text)
            if frame["type"] == "ping":
                await socket.send('{"type":"pong"}')
            elif frame["type"] == "telemetry":
                await socket.send(json.dumps({"type": "ack", "n": frame["n"]}))
                values = frame["devices"][uid]
                self.seen[uid].update(int(value) for _, value in values["count"])
                self.delays += [time.time() - value for _, value in values["at"]]


def percentile(delays: Sequence[float], share: float) -> float:
    """Of sorted delays, in milliseconds."""
    return 1000 * delays[min(len(delays) - 1, int(len(delays) * share))]

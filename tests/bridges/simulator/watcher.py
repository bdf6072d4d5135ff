"""Somebody who sees all that devices say."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable

import aiomqtt

from tests.support.servers import Mosquitto


class Watcher:
    """Collects everything below `devices/`, over the broker's restarts, none missed: its session is persistent."""

    def __init__(self, broker: Mosquitto, name: str = "watcher") -> None:
        self._broker, self._name = broker, name
        self._unread: dict[str, asyncio.Queue[bytes]] = defaultdict(asyncio.Queue)
        self._online, self._noted = asyncio.Event(), asyncio.Event()
        self._client: aiomqtt.Client
        self.topics: list[str] = []
        """Of each message so far."""
        self.retained: dict[str, bytes] = {}
        """What the broker still held when the watcher came."""

    @contextlib.asynccontextmanager
    async def watching(self) -> AsyncIterator[Watcher]:
        task = asyncio.create_task(self._watch())
        await asyncio.wait_for(self._online.wait(), 10)
        yield self
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    async def publish(self, topic: str, payload: str, retain: bool = False) -> None:
        await self._client.publish(topic, payload, qos=1, retain=retain)

    async def until(self, topic: str, accept: Callable[[bytes], bool] = lambda payload: True) -> bytes:
        """The next unread payload of `topic` that is accepted; the ones before it count as read."""
        async with asyncio.timeout(15):
            while not accept(payload := await self._unread[topic].get()):
                pass
        return payload

    async def until_status(self, uid: str, status: bytes) -> None:
        await self.until(f"devices/{uid}/status", lambda payload: payload == status)

    async def until_retained(self, expected: dict[str, bytes]) -> None:
        async with asyncio.timeout(15):
            while self.retained != expected:
                self._noted.clear()
                await self._noted.wait()

    async def command(self, uid: str, command_id: str, payload: str) -> dict:
        """Send it; its answer."""
        await self.publish(f"devices/{uid}/commands/{command_id}", payload)
        return json.loads(await self.until(f"devices/{uid}/answers/{command_id}"))

    async def _watch(self) -> None:
        while True:
            with contextlib.suppress(aiomqtt.MqttError):
                async with aiomqtt.Client(
                    "127.0.0.1",
                    self._broker.port,
                    username="bridge",
                    password="b",
                    identifier=self._name,
                    clean_session=False,
                ) as self._client:
                    await self._client.subscribe("devices/#", qos=1)
                    self._online.set()
                    async for message in self._client.messages:
                        self._note(message)
            await asyncio.sleep(0.05)

    def _note(self, message: aiomqtt.Message) -> None:
        topic = message.topic.value
        if message.retain:
            self.retained[topic] = message.payload
            self._noted.set()
        else:
            self.topics.append(topic)
            self._unread[topic].put_nowait(message.payload)

"""A client that sees everything that devices publish."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable

import aiomqtt

from tests.support.servers import Mosquitto


class Watcher:
    """Collects every message below `devices/`, across restarts of the broker: its session is persistent."""

    def __init__(self, broker: Mosquitto, name: str = "watcher") -> None:
        self._broker, self._name = broker, name
        self._unread: dict[str, asyncio.Queue[bytes]] = defaultdict(asyncio.Queue)
        self._online, self._retained_changed = asyncio.Event(), asyncio.Event()
        self._client: aiomqtt.Client
        self.topics: list[str] = []
        """The topic of each message so far."""
        self.retained: dict[str, bytes] = {}
        """The retained messages at the time of the subscription, by topic."""

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
        """Returns the next unread payload of `topic` that `accept` accepts; the ones before it count as read."""
        async with asyncio.timeout(15):
            while not accept(payload := await self._unread[topic].get()):
                pass
        return payload

    async def until_status(self, uid: str, status: bytes) -> None:
        await self.until(f"devices/{uid}/status", lambda payload: payload == status)

    async def until_retained(self, expected: dict[str, bytes]) -> None:
        async with asyncio.timeout(15):
            while self.retained != expected:
                self._retained_changed.clear()
                await self._retained_changed.wait()

    async def command(self, uid: str, command_id: str, payload: str) -> dict:
        """Sends a command and returns its answer."""
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
                        self._collect(message)
            await asyncio.sleep(0.05)

    def _collect(self, message: aiomqtt.Message) -> None:
        topic = message.topic.value
        if message.retain:
            self.retained[topic] = message.payload
            self._retained_changed.set()
        else:
            self.topics.append(topic)
            self._unread[topic].put_nowait(message.payload)

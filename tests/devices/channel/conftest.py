"""A listener that records what it receives, on the memory layer and on a real Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from devices.channel.events import AvailabilityChanged, EncodedReadings, Event, TelemetryStored
from devices.channel.listener import Listener
from tests.support.servers import Redis

WAIT_S = 20


class RecordingListener(Listener):
    """Keeps the events that it receives and the losses that it reports."""

    def __init__(self, **times: float) -> None:
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        self.losses: asyncio.Queue[tuple[set[str], str]] = asyncio.Queue()
        super().__init__(self.events.put_nowait, lambda *loss: self.losses.put_nowait(loss), **times)

    async def event(self) -> Event:
        return await asyncio.wait_for(self.events.get(), WAIT_S)

    async def loss(self) -> tuple[set[str], str]:
        return await asyncio.wait_for(self.losses.get(), WAIT_S)


@pytest.fixture(params=["memory", "redis"])
def layer(request: pytest.FixtureRequest, settings: Any) -> None:
    if request.param == "redis":
        use(settings, request.getfixturevalue("redis"))


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    server = Redis(tmp_path)
    server.start()
    yield server
    server.kill()


def use(settings: Any, server: Redis) -> None:
    backend = "channels_redis.pubsub.RedisPubSubChannelLayer"
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": backend, "CONFIG": {"hosts": [server.url], "prefix": "test"}}}


@pytest.fixture
async def listener(layer: None) -> AsyncIterator[RecordingListener]:
    listener = RecordingListener(probe_every_s=0.2, timeout_s=1.0)
    await listener.start()
    yield listener
    await listener.stop()


def batch(shard: int = 3, text: str = "{}") -> TelemetryStored:
    return TelemetryStored(shard=shard, parts=(EncodedReadings(shard, "pump-1", text),))


def online(device: int = 3) -> AvailabilityChanged:
    return AvailabilityChanged(device, "pump-1", "online", 1)

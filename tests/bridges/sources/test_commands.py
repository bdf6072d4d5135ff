"""What a source publishes beside commands."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

from bridges.mqtt.outbound_session import OutboundSession
from bridges.sources.commands import SourceCommands
from bridges.sources.conventions.sparkplug import SparkplugB
from bridges.sources.source import Source


async def test_each_session_begins_with_the_greeting_and_ends_with_the_farewell() -> None:
    published: list[bytes] = []

    async def publish(topic: str, payload: bytes, expires_in_s: float | None, **others: Any) -> None:
        published.append(payload)

    @asynccontextmanager
    async def opened() -> AsyncIterator[OutboundSession]:
        yield OutboundSession(publish, asyncio.get_running_loop().create_future())

    source = cast("Source", SimpleNamespace(convention=SparkplugB(""), name="source", requests=[]))
    commands = SourceCommands(source, opened)
    for _ in range(2):
        async with commands._announced():
            assert published[-1] == b'{"online":true,"timestamp":0}'
        assert published[-1] == b'{"online":false,"timestamp":0}'

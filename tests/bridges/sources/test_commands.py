"""What a source publishes beside commands."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bridges.mqtt.outbound_session import OutboundSession
from bridges.sources.commands import SourceCommands
from bridges.sources.conventions.sparkplug import SparkplugB
from bridges.sources.decoders.pool import Downlink
from bridges.sources.source import Source
from devices.errors import Refusal


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


async def test_the_decoder_of_a_device_makes_bytes_of_a_set(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []

    async def encode(decoder: int, data: dict[str, Any]) -> Downlink:
        asked.append({"decoder": decoder, **data})
        return Downlink([1, 60], 10)

    monkeypatch.setattr("bridges.sources.commands.pool", lambda: SimpleNamespace(encode=encode))
    source = cast("Source", SimpleNamespace(name="source", requests=[], encoder={"lora": 7}.get))
    commands = SourceCommands(source, cast("Any", None))
    assert await commands._encoded("lora", "set", {"interval": 60}) == ("downlink", {"bytes": "013c", "f_port": 10})
    assert asked == [{"decoder": 7, "interval": 60}]
    assert await commands._encoded("other", "set", {"interval": 60}) == ("set", {"interval": 60})
    assert await commands._encoded("lora", "downlink", {"bytes": "01"}) == ("downlink", {"bytes": "01"})


@pytest.mark.parametrize(("detail", "falls_back"), [("the script has no function encodeDownlink", True), ("a", False)])
async def test_a_decoder_that_only_decodes_leaves_a_set_to_the_network(
    monkeypatch: pytest.MonkeyPatch, detail: str, falls_back: bool
) -> None:
    async def encode(decoder: int, data: dict[str, Any]) -> Downlink:
        raise Refusal("decoder_failed", detail)

    monkeypatch.setattr("bridges.sources.commands.pool", lambda: SimpleNamespace(encode=encode))
    source = cast("Source", SimpleNamespace(name="source", requests=[], encoder={"lora": 7}.get))
    commands = SourceCommands(source, cast("Any", None))
    if falls_back:
        assert await commands._encoded("lora", "set", {"a": 1}) == ("set", {"a": 1})
        return
    with pytest.raises(Refusal):
        await commands._encoded("lora", "set", {"a": 1})

"""Messages of a real broker, shown to somebody who describes a mapping."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import paho.mqtt.publish as mqtt
import pytest

from bridges.mqtt.address import BrokerAddress
from bridges.sources import samples
from devices.errors import Unavailable
from tests.support.owner import OwnersMosquitto
from tests.support.ports import free_port


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnersMosquitto]:
    server = OwnersMosquitto(tmp_path_factory.mktemp("owner"))
    server.start()
    yield server
    server.stop()


async def test_the_last_messages_of_a_filter_are_shown(
    broker: OwnersMosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samples, "MAX_MESSAGES", 10_000)
    mqtt.single("home/a/kept", b"\xff", retain=True, port=broker.port)
    mqtt.single("other/a", b"no", retain=True, port=broker.port)
    taking = asyncio.create_task(samples.take(BrokerAddress("127.0.0.1", broker.port), "home/#", 0.5))
    while not taking.done():
        await asyncio.to_thread(mqtt.single, "home/a/live", b"x" * 9_000, port=broker.port)
    kept, *others = await taking
    assert (kept.topic, kept.payload, kept.retained) == ("home/a/kept", b"\xff", True)
    live = others[-1]
    assert (live.topic, len(live.payload), live.size, live.retained) == ("home/a/live", 8_192, 9_000, False)


async def test_a_sample_has_a_bounded_number_of_messages(
    broker: OwnersMosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samples, "MAX_MESSAGES", 3)
    mqtt.multiple([(f"many/{number}", b"1", 0, True) for number in range(5)], port=broker.port)
    assert len(await samples.take(BrokerAddress("127.0.0.1", broker.port), "many/#", 0.2)) == 3


async def test_a_broker_that_does_not_answer_is_an_error() -> None:
    with pytest.raises(Unavailable, match="cannot be listened to"):
        await samples.take(BrokerAddress("127.0.0.1", free_port()), "home/#", 0.1)

"""A layer that fails holds up no publisher, and what it lost becomes known later."""

from __future__ import annotations

import asyncio
import gc
import signal
import weakref
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.layers import channel_layers, get_channel_layer

from devices.channel import fanout, groups
from devices.channel.fanout import Fanout
from tests.devices.channel.conftest import WAIT_S, RecordingListener, batch, online, use
from tests.support.servers import Redis

PUMPS = groups.telemetry(3)


async def test_publishing_without_redis_returns_and_is_announced_later(settings: Any, redis: Redis) -> None:
    use(settings, redis)
    listener = RecordingListener(probe_every_s=60)  # no watchdog in this test: only the numbers show the loss
    await listener.start()
    await listener.join(PUMPS)
    await fanout.publish([batch()])
    await listener.event()
    redis.kill()
    await asyncio.wait_for(fanout.publish([batch()]), WAIT_S)
    await asyncio.to_thread(redis.start)
    assert await listener.loss() == ({PUMPS}, "gap")
    await listener.stop()


async def test_a_frozen_redis_holds_up_all_events_of_a_batch_once(
    redis: Redis, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(settings, redis)
    await fanout.publish([batch()])
    monkeypatch.setattr(fanout, "SEND_S", 0.5)
    assert redis.process is not None
    redis.process.send_signal(signal.SIGSTOP)
    async with asyncio.timeout(5):  # a hundred times half a second would be more
        await fanout.publish([online()] * 100)


async def test_a_frozen_layer_is_tried_once_however_many_publish(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise each would wait for all before it, and ingest over HTTP for minutes."""
    attempts = 0

    class Frozen:
        async def group_send(self, group: str, message: dict[str, Any]) -> None:
            nonlocal attempts
            attempts += 1
            await asyncio.Event().wait()

    monkeypatch.setattr(fanout, "SEND_S", 0.2)
    layer = Frozen()
    frozen = Fanout(layer)
    await asyncio.gather(*[frozen.publish([batch()]) for _ in range(50)])
    assert attempts == 1


@pytest.mark.django_db(transaction=True)
async def test_synchronous_code_shares_the_numbers_of_the_event_loop() -> None:
    listener = RecordingListener()
    await listener.start()
    await listener.join(PUMPS)
    await fanout.publish([online()])
    await sync_to_async(fanout.publish_from_sync)([online()])
    await fanout.publish([online()])
    for _ in range(3):
        assert await listener.event() == online()
    assert listener.losses.empty()
    await listener.stop()


async def test_the_fanout_of_a_layer_that_was_replaced_is_not_kept() -> None:
    await fanout.publish([online()])
    layer, its_fanout = weakref.ref(get_channel_layer()), weakref.ref(fanout._fanout_of(get_channel_layer()))
    channel_layers.backends.clear()
    gc.collect()
    assert layer() is None
    async with asyncio.timeout(WAIT_S):
        while its_fanout() is not None:  # until its announcement is due
            await asyncio.sleep(fanout.ANNOUNCE_S / 4)
            gc.collect()

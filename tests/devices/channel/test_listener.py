"""What is published is heard, and what the layer loses is noticed; on the memory layer and on a real Redis."""

from __future__ import annotations

import asyncio
import signal
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import pytest
from channels.layers import get_channel_layer

from devices.channel import fanout, groups
from devices.channel.events import AvailabilityChanged, CommandsQueued, Event, Part, TelemetryStored, to_message
from devices.channel.listener import Listener
from tests.support.servers import Redis

WAIT_S = 20


class Ear:
    """A listener and what it has told."""

    def __init__(self, **times: float) -> None:
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        self.losses: asyncio.Queue[tuple[set[str], str]] = asyncio.Queue()
        self.listener = Listener(self.events.put_nowait, lambda *loss: self.losses.put_nowait(loss), **times)

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
async def ear(layer: None) -> AsyncIterator[Ear]:
    ear = Ear(tick_s=0.2, patience_s=1.0)
    await ear.listener.start()
    yield ear
    await ear.listener.stop()


def batch(shard: int = 3, text: str = "{}") -> TelemetryStored:
    return TelemetryStored(shard=shard, parts=(Part(shard, "pump-1", text),))


def online(device: int = 3) -> AvailabilityChanged:
    return AvailabilityChanged(device, "pump-1", "online", 1)


async def test_it_hears_what_is_published_to_a_group_it_has_joined(ear: Ear) -> None:
    await ear.listener.join(groups.telemetry(3))
    await fanout.publish([batch(text='{"a":[[1,2]]}'), online()])
    first = await ear.event()
    assert isinstance(first, TelemetryStored)
    assert first.parts == (Part(3, "pump-1", '{"a":[[1,2]]}'),)
    assert await ear.event() == online()


async def test_it_hears_everything_from_the_moment_join_returns(ear: Ear) -> None:
    for shard in range(groups.SHARDS):
        await ear.listener.join(groups.telemetry(shard))
        await fanout.publish([batch(shard)])
        event = await ear.event()
        assert isinstance(event, TelemetryStored)
        assert event.shard == shard


async def test_it_hears_no_group_that_it_has_left(ear: Ear) -> None:
    await ear.listener.join(groups.telemetry(3))
    await ear.listener.join(groups.COMMANDS)
    await ear.listener.leave(groups.telemetry(3))
    await fanout.publish([batch(), CommandsQueued()])
    assert await ear.event() == CommandsQueued()


async def test_numbers_that_jump_while_it_was_not_listening_are_no_loss(ear: Ear) -> None:
    await ear.listener.join(groups.telemetry(3))
    await fanout.publish([batch()])
    await ear.event()
    await ear.listener.leave(groups.telemetry(3))
    await fanout.publish([batch()])
    await ear.listener.join(groups.telemetry(3))
    await fanout.publish([batch()])
    await ear.event()
    assert ear.losses.empty()


async def test_nor_do_they_where_something_came_after_it_had_left(ear: Ear) -> None:
    await ear.listener.join(groups.telemetry(3))
    await fanout.publish([batch()])
    await ear.event()
    await ear.listener.leave(groups.telemetry(3))
    late = {**to_message(batch()), "source": fanout.SOURCE, "n": fanout._numbers[groups.telemetry(3)]}
    ear.listener._take(late)
    await ear.event()
    await fanout.publish([batch()])
    await ear.listener.join(groups.telemetry(3))
    await fanout.publish([batch()])
    await ear.event()
    assert ear.losses.empty()


async def swallow(monkeypatch: pytest.MonkeyPatch, event: Event) -> None:
    """Publishes an event that the layer takes and does not deliver."""

    async def lose(group: str, message: dict[str, Any]) -> bool:
        return True

    with monkeypatch.context() as patched:
        patched.setattr(fanout, "_send", lose)
        await fanout.publish([event])


@pytest.mark.parametrize("event", [batch(), online()])
async def test_an_event_that_the_layer_lost_is_noticed_at_the_next_one(
    ear: Ear, monkeypatch: pytest.MonkeyPatch, event: Event
) -> None:
    await ear.listener.join(groups.telemetry(3))
    await fanout.publish([batch()])
    await swallow(monkeypatch, event)
    await fanout.publish([batch()])
    assert await ear.loss() == ({groups.telemetry(3)}, "gap")


async def test_a_jump_while_it_finds_back_is_told_with_the_rest(ear: Ear, monkeypatch: pytest.MonkeyPatch) -> None:
    for group in (groups.telemetry(3), groups.COMMANDS):
        await ear.listener.join(group)
    await fanout.publish([batch()])
    await swallow(monkeypatch, batch())
    await ear.event()
    ear.listener._fail(RuntimeError("the layer is away"))
    await fanout.publish([batch()])
    await ear.event()
    assert await ear.loss() == ({groups.telemetry(3), groups.COMMANDS}, "layer")
    assert ear.losses.empty()


async def test_a_lost_last_event_is_noticed_without_a_next_one(ear: Ear, monkeypatch: pytest.MonkeyPatch) -> None:
    await ear.listener.join(groups.telemetry(3))
    await fanout.publish([batch()])
    await swallow(monkeypatch, batch())
    assert await ear.loss() == ({groups.telemetry(3)}, "gap")


async def test_a_foreign_message_is_logged_and_the_next_one_heard(ear: Ear, caplog: pytest.LogCaptureFixture) -> None:
    await ear.listener.join(groups.COMMANDS)
    await get_channel_layer().group_send(groups.COMMANDS, {"type": "hub.takeover", "source": "x", "n": 1})
    await get_channel_layer().group_send(groups.COMMANDS, {"type": "telemetry"})
    await fanout.publish([CommandsQueued()])
    assert await ear.event() == CommandsQueued()
    assert caplog.text.count("a foreign message") == 2


async def test_a_callback_that_fails_does_not_end_the_listening(caplog: pytest.LogCaptureFixture) -> None:
    heard: asyncio.Queue[Event] = asyncio.Queue()

    def stumble(event: Event) -> None:
        heard.put_nowait(event)
        raise RuntimeError("a bug")

    listener = Listener(stumble, lambda *loss: None)
    await listener.start()
    await listener.join(groups.COMMANDS)
    await fanout.publish([CommandsQueued(), CommandsQueued()])
    for _ in range(2):
        await asyncio.wait_for(heard.get(), WAIT_S)
    await listener.stop()
    assert "a bug" in caplog.text


async def test_a_layer_that_forgets_its_members_is_joined_again() -> None:
    """The memory layer removes a channel from all groups when a message in it is a minute old."""
    ear = Ear(tick_s=0.05, patience_s=0.2)
    await ear.listener.start()
    await ear.listener.join(groups.telemetry(3))
    get_channel_layer().groups.clear()
    assert await ear.loss() == ({groups.telemetry(3)}, "layer")
    await fanout.publish([batch()])
    assert isinstance(await ear.event(), TelemetryStored)
    await ear.listener.stop()


async def test_after_redis_was_killed_all_groups_are_told_once_and_events_come_again(
    settings: Any, redis: Redis
) -> None:
    use(settings, redis)
    ear = Ear(tick_s=0.2)
    await ear.listener.start()
    for group in (groups.telemetry(3), groups.telemetry(1), groups.COMMANDS):
        await ear.listener.join(group)
    await fanout.publish([batch()])
    await ear.event()

    redis.kill()
    await fanout.publish([batch()])  # lost: nobody is there to take it
    await ear.listener._look()
    await asyncio.to_thread(redis.start)

    assert await ear.loss() == ({groups.telemetry(1), groups.telemetry(3), groups.COMMANDS}, "layer")
    await fanout.publish([batch(1)])
    event = await ear.event()
    assert isinstance(event, TelemetryStored)
    assert event.shard == 1
    assert ear.losses.empty()
    await ear.listener.stop()


async def test_a_group_asked_for_while_redis_is_away_is_joined_when_it_is_back(settings: Any, redis: Redis) -> None:
    use(settings, redis)
    redis.kill()
    ear = Ear(tick_s=0.2)
    await ear.listener.start()
    await ear.listener.join(groups.telemetry(3))
    await asyncio.to_thread(redis.start)
    assert await ear.loss() == ({groups.telemetry(3)}, "layer")
    await fanout.publish([batch()])
    assert isinstance(await ear.event(), TelemetryStored)
    await ear.listener.stop()


async def test_publishing_without_redis_returns_and_is_made_known_later(settings: Any, redis: Redis) -> None:
    use(settings, redis)
    ear = Ear(tick_s=60)  # no watchdog in this test: the numbers alone must tell
    await ear.listener.start()
    await ear.listener.join(groups.telemetry(3))
    await fanout.publish([batch()])
    await ear.event()
    redis.kill()
    await asyncio.wait_for(fanout.publish([batch()]), WAIT_S)
    await asyncio.to_thread(redis.start)
    assert await ear.loss() == ({groups.telemetry(3)}, "gap")
    await ear.listener.stop()


async def test_a_layer_that_is_frozen_holds_up_all_events_of_a_batch_once(
    redis: Redis, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(settings, redis)
    await fanout.publish([batch()])
    monkeypatch.setattr(fanout, "SEND_S", 0.5)
    assert redis.process is not None
    redis.process.send_signal(signal.SIGSTOP)
    async with asyncio.timeout(5):  # a hundred times half a second would be more
        await fanout.publish([online()] * 100)


async def test_what_a_source_loses_after_the_layer_is_back_is_told_too(
    ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own connection may come back later than ours."""
    await ear.listener.join(groups.telemetry(3))
    await fanout.publish([batch()])
    await ear.event()
    ear.listener._fail(ConnectionError("away"))
    assert await ear.loss() == ({groups.telemetry(3)}, "layer")
    await swallow(monkeypatch, batch())
    assert await ear.loss() == ({groups.telemetry(3)}, "gap")


@pytest.mark.parametrize("frozen", [False, True])
async def test_what_a_source_loses_before_its_first_number_was_heard_is_told_too(
    ear: Ear, monkeypatch: pytest.MonkeyPatch, frozen: bool
) -> None:
    """Who joins while a source cannot reach the layer has no number to compare the next one with."""
    await fanout.publish([batch()])
    await ear.listener.join(groups.telemetry(3))

    class Away:
        async def group_send(self, group: str, message: dict[str, Any]) -> None:
            raise TimeoutError if frozen else ConnectionError

    with monkeypatch.context() as patched:
        patched.setattr(fanout, "get_channel_layer", Away)
        patched.setattr(fanout, "_frozen_until", WeakKeyDictionary())
        await fanout.publish([batch(), batch()])
    await fanout.publish([batch()])
    assert await ear.loss() == ({groups.telemetry(3)}, "gap")
    await ear.event()
    await fanout.publish([batch()])
    await ear.event()
    assert ear.losses.empty()


async def test_a_failure_that_the_receiver_meets_during_a_look_is_told(
    ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ear.listener.join(groups.telemetry(3))
    comes_back = ear.listener._comes_back

    async def with_a_failure(group: str, within_s: float) -> bool:
        came_back = await comes_back(group, within_s)
        ear.listener._fail(ConnectionError("away for a moment"))
        return came_back

    with monkeypatch.context() as patched:
        patched.setattr(ear.listener, "_comes_back", with_a_failure)
        await ear.listener._look()
    assert await ear.loss() == ({groups.telemetry(3)}, "layer")


async def test_of_two_bridges_the_one_that_loses_an_event_is_noticed(ear: Ear, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has running numbers of its own."""
    await ear.listener.join(groups.telemetry(3))
    numbers: dict[str, defaultdict[str, int]] = {"one": defaultdict(int), "other": defaultdict(int)}
    for source in ("one", "other", "one", "other"):
        monkeypatch.setattr(fanout, "SOURCE", source)
        monkeypatch.setattr(fanout, "_numbers", numbers[source])
        await fanout.publish([batch()])
        await ear.event()
    assert ear.losses.empty()
    await swallow(monkeypatch, batch())
    await fanout.publish([batch()])
    assert await ear.loss() == ({groups.telemetry(3)}, "gap")


async def test_a_frozen_layer_is_waited_for_once_however_many_publish(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else each would wait for all before it, and ingest over HTTP for minutes."""
    asked = 0

    class Frozen:
        async def group_send(self, group: str, message: dict[str, Any]) -> None:
            nonlocal asked
            asked += 1
            await asyncio.Event().wait()

    monkeypatch.setattr(fanout, "get_channel_layer", Frozen)
    monkeypatch.setattr(fanout, "SEND_S", 0.2)
    await asyncio.gather(*[fanout.publish([batch()]) for _ in range(50)])
    assert asked == 1

"""Published events are received, and events that the layer loses are noticed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from channels.layers import get_channel_layer

from devices.channel import fanout, groups
from devices.channel.events import CommandsQueued, EncodedReadings, Event, TelemetryStored, to_message
from devices.channel.fanout import Fanout
from devices.channel.listener import Listener
from devices.channel.probes import Probes
from tests.devices.channel.conftest import WAIT_S, RecordingListener, batch, online, use
from tests.support.lossy_layer import lossy_layer
from tests.support.servers import Redis

PUMPS = groups.telemetry(3)


async def test_it_receives_what_is_published_to_a_group_it_has_joined(listener: RecordingListener) -> None:
    await listener.join(PUMPS)
    await fanout.publish([batch(text='{"a":[[1,2]]}'), online()])
    first = await listener.event()
    assert isinstance(first, TelemetryStored)
    assert first.parts == (EncodedReadings(3, "pump-1", '{"a":[[1,2]]}'),)
    assert await listener.event() == online()


async def test_it_receives_everything_from_the_moment_join_returns(listener: RecordingListener) -> None:
    for shard in range(groups.SHARDS):
        await listener.join(groups.telemetry(shard))
        await fanout.publish([batch(shard)])
        event = await listener.event()
        assert isinstance(event, TelemetryStored)
        assert event.shard == shard


async def test_it_receives_nothing_of_a_group_that_it_has_left(listener: RecordingListener) -> None:
    await listener.join(PUMPS)
    await listener.join(groups.COMMANDS)
    await listener.leave(PUMPS)
    await fanout.publish([batch(), CommandsQueued()])
    assert await listener.event() == CommandsQueued()


async def test_numbers_that_go_on_while_a_group_is_left_are_not_a_gap(listener: RecordingListener) -> None:
    await listener.join(PUMPS)
    await fanout.publish([batch()])
    await listener.event()
    await listener.leave(PUMPS)
    await fanout.publish([batch()])
    await listener.join(PUMPS)
    await fanout.publish([batch()])
    await listener.event()
    assert listener.losses.empty()


async def test_a_message_that_arrives_after_a_group_was_left_does_not_make_a_gap(listener: RecordingListener) -> None:
    source = Fanout(get_channel_layer())
    await listener.join(PUMPS)
    await source.publish([batch()])
    await listener.event()
    await listener.leave(PUMPS)
    listener._handle({**to_message(batch()), "source": source.source, "n": 1})
    await listener.event()
    await source.publish([batch()])
    await listener.join(PUMPS)
    await source.publish([batch()])
    await listener.event()
    assert listener.losses.empty()


@pytest.mark.parametrize("event", [batch(), online()])
async def test_a_lost_event_is_noticed_at_the_next_one(listener: RecordingListener, event: Event) -> None:
    await listener.join(PUMPS)
    await fanout.publish([batch()])
    with lossy_layer():
        await fanout.publish([event])
    await fanout.publish([batch()])
    assert await listener.loss() == ({PUMPS}, "gap")


async def test_a_lost_last_event_is_noticed_without_a_next_one(listener: RecordingListener) -> None:
    await listener.join(PUMPS)
    await fanout.publish([batch()])
    with lossy_layer():
        await fanout.publish([batch()])
    assert await listener.loss() == ({PUMPS}, "gap")


async def test_a_gap_during_a_reconnect_is_reported_with_the_loss_of_all_groups(listener: RecordingListener) -> None:
    for group in (PUMPS, groups.COMMANDS):
        await listener.join(group)
    await fanout.publish([batch()])
    with lossy_layer():
        await fanout.publish([batch()])
    await listener.event()
    listener._mark_down(RuntimeError("unavailable"))
    await fanout.publish([batch()])
    await listener.event()
    assert await listener.loss() == ({PUMPS, groups.COMMANDS}, "layer")
    assert listener.losses.empty()


async def test_an_event_that_a_source_loses_after_the_layer_is_back_is_reported_too(
    listener: RecordingListener,
) -> None:
    """The source's own connection may come back later than the listener's."""
    await listener.join(PUMPS)
    await fanout.publish([batch()])
    await listener.event()
    listener._mark_down(ConnectionError("unavailable"))
    assert await listener.loss() == ({PUMPS}, "layer")
    with lossy_layer():
        await fanout.publish([batch()])
    assert await listener.loss() == ({PUMPS}, "gap")


@pytest.mark.parametrize("error", [TimeoutError(), ConnectionError()], ids=["frozen", "refused"])
async def test_an_event_that_a_source_loses_before_its_first_number_was_received_is_reported_too(
    listener: RecordingListener, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """A listener that joins while a source cannot reach the layer has no number to compare the next one with."""
    await fanout.publish([batch()])
    await listener.join(PUMPS)
    with lossy_layer(error), monkeypatch.context() as patched:
        patched.setattr(fanout, "SEND_S", 0.1)
        await fanout.publish([batch(), batch()])
    await asyncio.sleep(0.2)  # a layer that was found frozen is spared for as long
    await fanout.publish([batch()])
    assert await listener.loss() == ({PUMPS}, "gap")
    await listener.event()
    await fanout.publish([batch()])
    await listener.event()
    assert listener.losses.empty()


async def test_each_of_two_bridges_has_running_numbers_of_its_own(listener: RecordingListener) -> None:
    await listener.join(PUMPS)
    one, other = Fanout(get_channel_layer()), Fanout(get_channel_layer())
    for source in (one, other, one, other):
        await source.publish([batch()])
        await listener.event()
    assert listener.losses.empty()
    with lossy_layer():
        await other.publish([batch()])
    await other.publish([batch()])
    assert await listener.loss() == ({PUMPS}, "gap")


async def test_a_foreign_message_is_logged_and_the_next_event_received(
    listener: RecordingListener, caplog: pytest.LogCaptureFixture
) -> None:
    await listener.join(groups.COMMANDS)
    await get_channel_layer().group_send(groups.COMMANDS, {"type": "hub.takeover", "source": "x", "n": 1})
    await get_channel_layer().group_send(groups.COMMANDS, {"type": "telemetry"})
    await fanout.publish([CommandsQueued()])
    assert await listener.event() == CommandsQueued()
    assert caplog.text.count("a foreign message") == 2


async def test_a_callback_that_fails_does_not_stop_the_listener(caplog: pytest.LogCaptureFixture) -> None:
    received: asyncio.Queue[Event] = asyncio.Queue()

    def fail(event: Event) -> None:
        received.put_nowait(event)
        raise RuntimeError("a bug")

    listener = Listener(fail, lambda *loss: None)
    await listener.start()
    await listener.join(groups.COMMANDS)
    await fanout.publish([CommandsQueued(), CommandsQueued()])
    for _ in range(2):
        await asyncio.wait_for(received.get(), WAIT_S)
    await listener.stop()
    assert "a bug" in caplog.text


async def test_a_group_whose_members_the_layer_forgets_is_joined_again() -> None:
    """The memory layer removes a channel from all groups when a message in it is a minute old."""
    listener = RecordingListener(probe_every_s=0.05, timeout_s=0.2)
    await listener.start()
    await listener.join(PUMPS)
    get_channel_layer().groups.clear()
    assert await listener.loss() == ({PUMPS}, "layer")
    await fanout.publish([batch()])
    assert isinstance(await listener.event(), TelemetryStored)
    await listener.stop()


async def test_a_failure_that_the_receiver_meets_during_a_check_is_reported(
    listener: RecordingListener, monkeypatch: pytest.MonkeyPatch
) -> None:
    await listener.join(PUMPS)
    check = Probes.check

    async def check_and_fail(self: Probes, group: str) -> None:
        await check(self, group)
        listener._mark_down(ConnectionError("unavailable for a moment"))

    with monkeypatch.context() as patched:
        patched.setattr(Probes, "check", check_and_fail)
        await listener._check()
    assert await listener.loss() == ({PUMPS}, "layer")


async def test_after_redis_was_killed_one_loss_of_all_groups_is_reported_and_events_arrive_again(
    settings: Any, redis: Redis
) -> None:
    use(settings, redis)
    listener = RecordingListener(probe_every_s=0.2)
    await listener.start()
    for group in (PUMPS, groups.telemetry(1), groups.COMMANDS):
        await listener.join(group)
    await fanout.publish([batch()])
    await listener.event()

    redis.kill()
    await fanout.publish([batch()])  # lost: no server accepts it
    await listener._check()
    await asyncio.to_thread(redis.start)

    assert await listener.loss() == ({groups.telemetry(1), PUMPS, groups.COMMANDS}, "layer")
    await fanout.publish([batch(1)])
    event = await listener.event()
    assert isinstance(event, TelemetryStored)
    assert event.shard == 1
    assert listener.losses.empty()
    await listener.stop()


async def test_a_group_joined_while_redis_is_unavailable_is_joined_when_it_is_back(settings: Any, redis: Redis) -> None:
    use(settings, redis)
    redis.kill()
    listener = RecordingListener(probe_every_s=0.2)
    await listener.start()
    await listener.join(PUMPS)
    await asyncio.to_thread(redis.start)
    assert await listener.loss() == ({PUMPS}, "layer")
    await fanout.publish([batch()])
    assert isinstance(await listener.event(), TelemetryStored)
    await listener.stop()

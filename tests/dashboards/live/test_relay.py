"""From published events to what viewers see, on the memory layer and on a real Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from dashboards.live.errors import CloseCode
from dashboards.live.outbox import MAX_PUSHES
from dashboards.live.relay import Relay
from dashboards.live.window import MAX_FRAMES
from dashboards.models import Dashboard
from devices.channel import fanout, groups
from devices.channel.events import AvailabilityChanged, EncodedReadings, Event, TelemetryStored
from devices.models import Device, Metric, Space
from devices.registry import metrics
from devices.rooms import provisioning
from devices.runtime import stats
from devices.values import now_us
from tests.dashboards.live.conftest import HandClock, Headers, Viewer, enter
from tests.support.lossy_layer import lossy_layer
from tests.support.servers import Redis

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("layer", "relay")]


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    server = Redis(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(params=["memory", "redis"])
def layer(request: pytest.FixtureRequest, settings: Any) -> str:
    if request.param == "redis":
        backend = "channels_redis.pubsub.RedisPubSubChannelLayer"
        hosts = [request.getfixturevalue("redis").url]
        settings.CHANNEL_LAYERS = {"default": {"BACKEND": backend, "CONFIG": {"hosts": hosts, "prefix": "test"}}}
    return str(request.param)


def readings(*found: Device, text: str = '{"a":[[1,2]]}') -> list[Event]:
    """The events of one batch with `text` from each of the devices."""
    shards: dict[int, list[EncodedReadings]] = {}
    for device in found:
        shards.setdefault(groups.shard_of(device.pk), []).append(EncodedReadings(device.pk, device.uid, text))
    return [TelemetryStored(shard=shard, parts=tuple(parts)) for shard, parts in shards.items()]


def online(device: Device) -> AvailabilityChanged:
    return AvailabilityChanged(device.pk, device.uid, "online", 7_000)


@pytest.fixture
def fleet(space: Space) -> list[Device]:
    """Devices in different shards."""
    return [provisioning.create_device(f"node-{number}", space)[0] for number in range(5)]


async def watcher(headers: Headers, *streams: str) -> Viewer:
    viewer = await enter(headers)
    for stream in streams:
        await viewer.subscribe(stream)
    return viewer


async def leave(*viewers: Viewer) -> None:
    for viewer in viewers:
        await viewer.leave()


def frame_lags() -> tuple[float, float]:
    """Number and sum of the ages counted so far."""
    samples = {sample.name: sample.value for metric in stats.frame_lag.collect() for sample in metric.samples}
    return samples["hubbub_frame_lag_seconds_count"], samples["hubbub_frame_lag_seconds_sum"]


async def devices_in(viewer: Viewer, least: int) -> list[str]:
    """Returns the uids in the next frames, until there are at least `least`."""
    found: list[str] = []
    while len(found) < least:
        found += (await viewer.push("telemetry"))["devices"]
    return sorted(found)


async def test_under_load_a_batch_of_many_shards_is_one_frame(headers: dict[str, Headers], fleet: list[Device]) -> None:
    viewer = await watcher(headers["carol"], *[f"device:{device.uid}" for device in fleet])
    await fanout.publish(readings(*fleet))
    assert await devices_in(viewer, 5) == sorted(device.uid for device in fleet)
    await fanout.publish(readings(*fleet))  # arrives within the pause
    assert len((await viewer.frame())["devices"]) == 5
    assert await viewer.is_quiet()
    await leave(viewer)


async def test_the_age_of_a_written_frame_is_counted_once_for_all_viewers(
    headers: dict[str, Headers], pump: Device
) -> None:
    viewers = [await watcher(headers[name], "device:pump-1") for name in ("alice", "bob")]
    before = frame_lags()
    [event] = readings(pump)
    assert isinstance(event, TelemetryStored)
    await fanout.publish([replace(event, received_at=now_us() - 7_000_000)])
    for viewer in viewers:
        await viewer.push("telemetry")
    count, total_s = (after - earlier for after, earlier in zip(frame_lags(), before, strict=True))
    assert count == 1
    assert total_s >= 7
    await leave(*viewers)


async def test_each_viewer_sees_only_the_devices_that_it_watches(
    headers: dict[str, Headers], fleet: list[Device]
) -> None:
    first = await watcher(headers["carol"], "device:node-0", "device:node-1")
    second = await watcher(headers["bob"], "device:node-1", "device:node-2")
    nobody = await watcher(headers["mallory"])
    await fanout.publish(readings(*fleet))
    assert await devices_in(first, 2) == ["node-0", "node-1"]
    assert await devices_in(second, 2) == ["node-1", "node-2"]
    for viewer in (first, second, nobody):
        assert await viewer.is_quiet()
    await leave(first, second, nobody)


async def test_who_watches_a_device_whose_metric_was_renamed_or_deleted_asks_again(
    headers: dict[str, Headers], fleet: list[Device]
) -> None:
    speed = await Metric.objects.acreate(device=fleet[0], name="speed")
    viewer = await watcher(headers["carol"], "device:node-0", "device:node-1")
    other = await watcher(headers["carol"], "device:node-1")
    for change in (lambda: metrics.change(speed, name="rpm"), lambda: metrics.delete(speed)):
        await sync_to_async(change)()
        assert await viewer.push("resync") == {"type": "resync", "streams": ["device:node-0"], "reason": "changed"}
    assert await other.is_quiet()
    await leave(viewer, other)


async def test_viewers_with_the_same_devices_share_the_very_same_string(
    headers: dict[str, Headers], pump: Device
) -> None:
    viewers = [await watcher(headers[name], "device:pump-1") for name in ("alice", "bob", "carol")]
    await fanout.publish(readings(pump))
    sent = [await viewer.text() for viewer in viewers]
    assert sent[0] is sent[1] is sent[2]
    await leave(*viewers)


async def test_after_a_lull_the_first_frame_leaves_at_once_and_the_following_readings_in_one(
    headers: dict[str, Headers], pump: Device, layer: str
) -> None:
    viewer = await watcher(headers["carol"], "device:pump-1")
    await fanout.publish([event for number in range(5) for event in readings(pump, text=f'{{"a":[[{number},0]]}}')])
    first = await viewer.frame()
    assert first["devices"]["pump-1"]["a"] == [[0, 0]]
    following = [await viewer.frame()]
    while following[-1]["devices"]["pump-1"]["a"][-1] != [4, 0]:
        following.append(await viewer.frame())
    assert [point for frame in following for point in frame["devices"]["pump-1"]["a"]] == [[n, 0] for n in range(1, 5)]
    if layer == "memory":  # Redis may take longer than a pause to pass all of them on
        assert len(following) == 1
    assert first["n"] < following[0]["n"]
    assert await viewer.is_quiet()
    await leave(viewer)


async def test_availability_does_not_overtake_earlier_telemetry(headers: dict[str, Headers], pump: Device) -> None:
    viewer = await watcher(headers["carol"], "device:pump-1")
    await fanout.publish([*readings(pump), *readings(pump), online(pump), *readings(pump)])
    frames = [await viewer.frame() for _ in range(4)]
    assert [frame["type"] for frame in frames] == ["telemetry", "telemetry", "availability", "telemetry"]
    assert frames[2] == {"type": "availability", "device": "pump-1", "status": "online", "at": 7}
    await leave(viewer)


async def test_a_device_in_two_streams_is_shown_once(
    headers: dict[str, Headers], dashboard: Dashboard, pump: Device
) -> None:
    viewer = await watcher(headers["carol"], "device:pump-1", f"dashboard:{dashboard.pk}")
    await fanout.publish([*readings(pump), online(pump)])
    assert (await viewer.frame())["type"] == "telemetry"
    assert (await viewer.frame())["type"] == "availability"
    assert await viewer.is_quiet()
    await leave(viewer)


async def test_groups_are_joined_while_a_connection_wants_them_and_left_afterwards(
    headers: dict[str, Headers], fleet: list[Device], relay: Relay
) -> None:
    def shards() -> set[str]:
        return {group for group in relay._listener._joined if group.startswith("telemetry")}

    def of(found: Iterable[Device]) -> set[str]:
        return {groups.telemetry(groups.shard_of(device.pk)) for device in found}

    first = await watcher(headers["carol"], "device:node-0", "device:node-1")
    second = await watcher(headers["bob"], "device:node-1")
    assert shards() == of(fleet[:2])
    await first.leave()
    await relay._groups.settled()
    assert shards() == of(fleet[1:2])
    await second.request("unsubscribe", stream="device:node-1")
    await relay._groups.settled()
    assert shards() == set()
    await leave(second)


async def test_a_gap_is_a_resync_for_the_streams_of_that_shard(
    headers: dict[str, Headers], fleet: list[Device]
) -> None:
    concerned = await watcher(headers["carol"], "device:node-0", "device:node-1")
    other = await watcher(headers["bob"], "device:node-2")
    await fanout.publish(readings(fleet[0]))
    await concerned.push("telemetry")

    with lossy_layer():
        await fanout.publish(readings(fleet[0]))
    await fanout.publish(readings(fleet[0]))
    assert await concerned.push("resync") == {"type": "resync", "streams": ["device:node-0"], "reason": "gap"}
    assert (await concerned.frame())["type"] == "telemetry"
    assert await other.is_quiet()
    await leave(concerned, other)


async def test_a_viewer_that_acknowledges_gets_everything(headers: dict[str, Headers], pump: Device) -> None:
    viewer = await watcher(headers["carol"], "device:pump-1")
    seen = []
    for number in range(3 * MAX_FRAMES):
        await fanout.publish(readings(pump, text=f'{{"a":[[{number},{number}]]}}'))
        frame = await viewer.push("telemetry")
        assert "dropped" not in frame
        seen += frame["devices"]["pump-1"]["a"]
        await viewer.send({"type": "ack", "n": frame["n"]})
    assert seen == [[number, number] for number in range(3 * MAX_FRAMES)]
    await leave(viewer)


async def test_telemetry_is_merged_for_a_viewer_that_does_not_acknowledge_and_only_for_it(
    headers: dict[str, Headers], pump: Device, relay: Relay
) -> None:
    lazy = await watcher(headers["carol"], "device:pump-1")
    (connection,) = relay.connections
    eager = await watcher(headers["bob"], "device:pump-1")
    before = stats.readings_merged._value.get()
    total = MAX_FRAMES + 50
    for number in range(total):
        await fanout.publish(readings(pump, text=f'{{"a":[[{number},{number}]],"b":[[{number},true]]}}'))
        frame = await eager.push("telemetry")
        assert frame["devices"]["pump-1"]["a"] == [[number, number]]
        await eager.send({"type": "ack", "n": frame["n"]})
    frames = [await lazy.push("telemetry") for _ in range(MAX_FRAMES)]
    assert await lazy.is_quiet()
    assert connection.window.kept == 2
    await lazy.send({"type": "ack", "n": frames[-1]["n"]})
    merged = await lazy.push("telemetry")
    assert merged["dropped"] == 2 * 49
    assert merged["devices"] == {"pump-1": {"a": [[total - 1, total - 1]], "b": [[total - 1, True]]}}
    assert merged["n"] > frames[-1]["n"]
    assert stats.readings_merged._value.get() - before == merged["dropped"]
    await fanout.publish(readings(pump))
    assert "dropped" not in await lazy.push("telemetry")
    await leave(lazy, eager)


async def test_values_kept_back_of_an_ended_stream_are_not_sent(
    headers: dict[str, Headers], fleet: list[Device]
) -> None:
    viewer = await watcher(headers["carol"], "device:node-0", "device:node-1")
    frames = []
    for _ in range(MAX_FRAMES):
        await fanout.publish(readings(fleet[0]))
        frames.append(await viewer.push("telemetry"))
    await fanout.publish([*readings(*fleet[:2]), online(fleet[0]), online(fleet[1])])
    await viewer.push("availability")
    await viewer.push("availability")
    await viewer.request("unsubscribe", stream="device:node-0")
    await viewer.send({"type": "ack", "n": frames[-1]["n"]})
    assert set((await viewer.push("telemetry"))["devices"]) == {"node-1"}
    await leave(viewer)


async def test_more_pushes_than_may_wait_close_4408(headers: dict[str, Headers], pump: Device, relay: Relay) -> None:
    viewer = await watcher(headers["carol"], "device:pump-1")
    (connection,) = relay.connections
    connection.outbox.hold()  # like a socket that accepts nothing
    for _ in range(MAX_PUSHES):
        relay._on_event(online(pump))
    assert connection.closed is None
    relay._on_event(online(pump))
    assert connection.closed is CloseCode.TOO_SLOW
    assert await viewer.closed() == 4408


async def test_quiet_connections_are_pinged_and_silent_ones_closed_with_4408(
    headers: dict[str, Headers], clock: HandClock, relay: Relay
) -> None:
    silent, alive = await enter(headers["carol"]), await enter(headers["bob"])
    before = stats.connections_closed.labels("4408")._value.get()
    clock.forward(9.9)
    relay.monitor.sweep()
    assert await silent.is_quiet()
    clock.forward(0.2)
    relay.monitor.sweep()
    relay.monitor.sweep()
    for viewer in (silent, alive):
        assert await viewer.frame() == {"type": "ping"}
        assert await viewer.is_quiet()  # pinged once; a request does not show that telemetry is read
    await alive.send({"type": "pong"})
    assert await alive.is_quiet()
    clock.forward(10)
    relay.monitor.sweep()
    assert await silent.closed() == 4408
    assert await alive.frame() == {"type": "ping"}
    await alive.send({"type": "ack", "n": 0})
    assert await alive.is_quiet()
    clock.forward(9)
    relay.monitor.sweep()
    assert await alive.is_quiet()
    assert stats.connections_closed.labels("4408")._value.get() == before + 1
    await leave(alive)


async def test_a_client_that_waits_for_a_reply_does_not_count_as_silent(
    headers: dict[str, Headers], pump: Device, clock: HandClock, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = await enter(headers["carol"])
    (connection,) = relay.connections
    answered, asked = asyncio.Event(), asyncio.Event()
    watch = relay.watch

    async def slowly(*args: object) -> None:
        asked.set()
        await answered.wait()
        await watch(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(relay, "watch", slowly)
    await viewer.send({"id": 1, "type": "subscribe", "stream": "device:pump-1"})
    await asyncio.wait_for(asked.wait(), 10)
    clock.forward(100)
    relay.monitor.sweep()
    assert connection.closed is None
    answered.set()
    assert (await viewer.frame())["ok"]
    relay.monitor.sweep()
    assert await viewer.closed() == 4408


async def test_a_connection_that_is_busy_at_every_sweep_is_pinged_all_the_same(
    headers: dict[str, Headers], clock: HandClock, relay: Relay
) -> None:
    viewer = await enter(headers["carol"])
    (connection,) = relay.connections
    connection.busy = True
    clock.forward(11)
    relay.monitor.sweep()
    connection.busy = False
    assert await viewer.frame() == {"type": "ping"}
    await leave(viewer)


async def test_connections_and_frames_are_counted(headers: dict[str, Headers], pump: Device) -> None:
    frames = stats.frames_sent._value.get()
    first, second = await enter(headers["carol"]), await enter(headers["carol"])
    assert stats.connections._value.get() == 2
    await leave(first, second)
    assert stats.connections._value.get() == 0
    assert stats.frames_sent._value.get() >= frames + 2


async def test_an_event_of_a_deleted_device_does_no_harm(headers: dict[str, Headers], pump: Device) -> None:
    viewer = await watcher(headers["carol"], "device:pump-1")
    event = readings(pump)
    await sync_to_async(pump.delete)()
    await fanout.publish(event)
    assert (await viewer.push("telemetry"))["devices"]["pump-1"]
    reply = await viewer.request("subscribe", stream="device:pump-1")
    assert reply["error"]["code"] == "not_found"
    await leave(viewer)

"""Snapshot and deltas together are the content of the database, whenever a client subscribes."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from dashboards.live.relay import Relay
from devices.channel import fanout
from devices.models import Device, Metric, Reading
from devices.runtime import database
from devices.telemetry import snapshots
from devices.telemetry.store import ReadingStore
from devices.values import Sample, Telemetry
from tests.dashboards.live.conftest import Headers, Viewer, enter
from tests.support.eventually import eventually_async

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("relay")]

ROUNDS = 20


class Writer:
    """Stores and publishes one reading after the other, as a bridge does."""

    def __init__(self, device: Device) -> None:
        self._store = ReadingStore()
        self._device = device
        self.written = 0

    async def write(self) -> None:
        self.written += 1
        sample = Sample("count", self.written, self.written * 1_000)
        await fanout.publish(await database.run(self._in_transaction, Telemetry((sample,), 0)))

    async def run(self) -> None:
        while True:
            await self.write()

    def _in_transaction(self, telemetry: Telemetry) -> Any:
        from django.db import transaction

        with transaction.atomic():
            return self._store.store([(self._device, telemetry)])


class Chart:
    """What a page knows of the metric: the snapshot's value and all that came after."""

    def __init__(self, snapshot: dict[str, Any]) -> None:
        latest = snapshot["latest"].get("count")
        self.points = dict([latest]) if latest else {}
        self.begin = latest[0] if latest else 0

    def take(self, frame: dict[str, Any]) -> None:
        assert "dropped" not in frame
        self.points |= dict(frame["devices"]["pump-1"]["count"])


async def catch_up(viewer: Viewer, chart: Chart, until: int) -> None:
    while until not in chart.points.values():
        frame = await viewer.push("telemetry")
        chart.take(frame)
        await viewer.send({"type": "ack", "n": frame["n"]})


async def test_nothing_is_missing_between_the_snapshot_and_the_deltas(
    headers: dict[str, Headers], pump: Device
) -> None:
    writer = Writer(pump)
    await writer.write()
    running = asyncio.create_task(writer.run())
    for _ in range(ROUNDS):
        viewer = await enter(headers["carol"])
        chart = Chart(await viewer.subscribe("device:pump-1"))
        await catch_up(viewer, chart, writer.written + 5)
        shown = sorted(time for time in chart.points if time >= chart.begin)
        rows = Reading.objects.filter(time__gte=chart.begin * 1000, time__lte=shown[-1] * 1000)
        assert shown == [row.time // 1000 async for row in rows.order_by("time")]
        await viewer.leave()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    viewer = await enter(headers["carol"])
    last = await viewer.subscribe("device:pump-1")
    row = await Reading.objects.order_by("-time").afirst()
    assert row is not None
    assert last["latest"]["count"] == [row.time // 1000, row.number]
    await viewer.leave()


async def test_readings_stored_while_the_snapshot_is_read_follow_the_reply(
    headers: dict[str, Headers], pump: Device, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reading is committed after the snapshot's query and published before the reply."""
    await Metric.objects.acreate(device=pump, name="count")
    read, go_on = threading.Event(), threading.Event()
    of_devices = snapshots.of_devices

    def slowly(found: Any) -> Any:
        result = of_devices(found)
        read.set()
        assert go_on.wait(20)
        return result

    monkeypatch.setattr(snapshots, "of_devices", slowly)
    viewer = await enter(headers["carol"])
    await viewer.send({"id": 1, "type": "subscribe", "stream": "device:pump-1"})
    await sync_to_async(read.wait)(20)
    await Writer(pump).write()
    (connection,) = relay.connections

    async def is_held() -> bool:
        return bool(connection.outbox._held)

    await eventually_async(is_held)  # or it would have overtaken the reply
    go_on.set()
    reply = await viewer.frame()
    assert reply["result"]["latest"] == {}
    assert (await viewer.frame())["devices"]["pump-1"] == {"count": [[1, 1]]}
    await viewer.leave()

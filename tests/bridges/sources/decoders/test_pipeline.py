"""The pipeline beside the decoders: its start, its end and an unknown state of the table."""

from __future__ import annotations

import asyncio

import pytest
from asgiref.sync import sync_to_async

from bridges.ingest.batches import BatchProcessor
from bridges.ingest.delivery import Delivery
from bridges.ingest.pipeline import Pipeline
from bridges.sources.convention import Encoded
from bridges.sources.decoders.pool import pool
from bridges.sources.decoders.uplinks import encode_delivery
from devices.models import Device, Reading, Space
from devices.registry import decoders, devices
from devices.values import Sample, Telemetry, now_us
from tests.bridges.sources.decoders.scripts import OLD
from tests.support.eventually import eventually_async

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]


async def give(pump: Device, script: str) -> None:
    decoder = await sync_to_async(decoders.create)(pump.space, "Vendor's", script)
    await sync_to_async(decoders.assign)(pump, decoder.pk)


def message(payload: bytes, done: list[bytes]) -> Delivery:
    return Delivery("pump-1", "telemetry", payload, now_us(), settle=lambda: done.append(payload))


async def test_the_first_message_is_decoded_and_the_last_one_stored_before_the_end(pump: Device) -> None:
    await give(pump, OLD)
    settled: list[bytes] = []
    pipeline = Pipeline(BatchProcessor())
    payloads = [bytes((number, 0, 0)) for number in range(200)]
    for payload in payloads:  # before it runs, and so before it can know of decoders
        assert pipeline.offer(message(payload, settled))
    running = asyncio.create_task(pipeline.run())
    pipeline.offer(message(b"\xff\x00\x00", settled))
    await eventually_async(lambda: bool(settled))
    pipeline.close()
    await asyncio.wait_for(running, 20)
    assert settled == [*payloads, b"\xff\x00\x00"]
    stored = Reading.objects.filter(metric__name="level").order_by("time")
    assert [row.number async for row in stored] == [*range(200), 255]


async def test_a_retained_message_that_is_repeated_is_not_decoded(pump: Device) -> None:
    await give(pump, OLD)
    settled: list[bytes] = []
    pipeline = Pipeline(BatchProcessor())
    running = asyncio.create_task(pipeline.run())
    repeated = message(b"\x01\x00\x00", settled)
    repeated.repeated = True
    pipeline.offer(repeated)
    pipeline.offer(message(b"\x02\x00\x00", settled))
    await eventually_async(lambda: len(settled) == 2)
    pipeline.close()
    await asyncio.wait_for(running, 20)
    assert [row.number async for row in Reading.objects.filter(metric__name="level")] == [2]


async def test_a_device_that_moves_loses_its_decoder(pump: Device) -> None:
    await give(pump, OLD)
    cellar = await Space.objects.acreate(slug="cellar", name="Cellar")
    await sync_to_async(devices.move)(pump, cellar)
    assert (await Device.objects.aget(uid="pump-1")).decoder_id is None


async def test_an_uplink_is_decoded_by_the_decoder_of_its_profile_at_its_own_time(pump: Device) -> None:
    await sync_to_async(decoders.create)(pump.space, "Vendor's", OLD, profile="LSE01")
    settled: list[bytes] = []
    pipeline = Pipeline(BatchProcessor())
    running = asyncio.create_task(pipeline.run())
    await eventually_async(lambda: pool().assignments.is_needed)
    time = now_us() // 1_000_000 * 1_000_000 - 60_000_000
    uplink = message(b"{}", settled)
    other = Encoded(b"\x01\x00\x00", 7, now_us(), profile="other")
    assert not encode_delivery(uplink, other, pump.space_id)
    assert encode_delivery(uplink, Encoded(b"\x01\x00\x00", 7, now_us(), time, "LSE01"), pump.space_id)
    pipeline.offer(uplink)
    plain = message(b"", settled)
    plain.content = Telemetry((Sample("speed", 4.0),), now_us())
    pipeline.offer(plain)
    await eventually_async(lambda: len(settled) == 2)
    pipeline.close()
    await asyncio.wait_for(running, 20)
    stored = {row.metric.name: row async for row in Reading.objects.select_related("metric")}
    assert {name: row.number for name, row in stored.items()} == {"level": 1, "open": 0, "port": 7, "speed": 4}
    assert stored["level"].time == time

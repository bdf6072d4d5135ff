"""Messages of devices whose clocks are wrong, through a whole batch."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import sync_to_async

from bridges.ingest.batches import Batch, BatchProcessor
from bridges.ingest.delivery import Delivery
from devices.models import Device, Metric, Reading
from devices.registry import metrics
from devices.telemetry.latest import latest_values
from devices.values import now_us

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]


def telemetry(ts: Any, value: float, received_at: int, **fields: Any) -> Delivery:
    payload = b'{"ts": %s, "values": {"t": %g}}' % (str(ts).encode(), value)
    return Delivery("pump-1", "telemetry", payload, received_at, **fields)


@pytest.fixture
def process() -> Any:
    processor = BatchProcessor()

    async def store(*deliveries: Delivery) -> None:
        outcome = await sync_to_async(processor.process)(Batch(list(deliveries)))
        assert outcome.refusals == {}

    return store


async def newest(pump: Device) -> tuple[int, Any]:
    [ms, value] = (await sync_to_async(latest_values)([pump.id]))[pump.id]["t"]
    return ms, value


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("ahead_ms", [11_000, 240_000, 400_000])
async def test_after_a_clock_was_set_right_the_newest_value_is_what_came_last(
    process: Any, pump: Device, together: bool, ahead_ms: int
) -> None:
    now = now_us()
    messages = [telemetry(now // 1000 + ahead_ms, 99, now + 1_000), telemetry(now // 1000, 21, now + 2_000)]
    for batch in [messages] if together else [[one] for one in messages]:
        await process(*batch)
    ms, value = await newest(pump)
    assert value == 21
    assert abs(ms - now // 1000) <= 2
    await process(telemetry(now // 1000 + 5, 22, now + 6_000))
    assert (await newest(pump))[1] == 22
    assert await Reading.objects.acount() == 3


@pytest.mark.parametrize("together", [True, False])
async def test_values_around_the_limit_keep_their_order(process: Any, pump: Device, together: bool) -> None:
    """Of a clock that is about ten seconds ahead, some times stay and some are replaced."""
    now = now_us()
    offsets = [9_900, 10_100, 9_950, 10_200, 10_300]
    messages = [telemetry(now // 1000 + offset, i, now + i * 1_000) for i, offset in enumerate(offsets)]
    for batch in [messages] if together else [[one] for one in messages]:
        await process(*batch)
    assert (await newest(pump))[1] == 4
    numbers = [number async for number in Reading.objects.order_by("time").values_list("number", flat=True)]
    assert numbers == [0, 1, 2, 3, 4]


async def test_a_list_that_reaches_past_the_limit_keeps_its_order(process: Any, pump: Device) -> None:
    now = now_us()
    items = b",".join(b'{"ts": %d, "values": {"t": %d}}' % (now // 1000 + i * 3_000, i) for i in range(8))
    await process(Delivery("pump-1", "telemetry", b"[%s]" % items, now))
    numbers = [number async for number in Reading.objects.order_by("time").values_list("number", flat=True)]
    assert numbers == list(range(8))


async def test_it_is_so_too_if_a_metric_was_changed_in_between(process: Any, pump: Device) -> None:
    now = now_us()
    await process(telemetry(now // 1000 + 240_000, 99, now + 1_000))
    metric = await sync_to_async(metrics.get)(pump, "t")
    await sync_to_async(metrics.change)(metric, read_as="number")
    await process(telemetry(now // 1000, 21, now + 2_000))
    assert (await newest(pump))[1] == 21


async def test_an_older_value_beside_one_that_is_ahead_keeps_its_time(process: Any, pump: Device) -> None:
    now = now_us()
    items = b'[{"ts": %d, "values": {"t": 99}}, {"ts": %d, "values": {"t": 1}}]'
    both = items % (now // 1000 + 240_000, now // 1000 - 60_000)
    await process(telemetry(now // 1000 + 240_000, 98, now), Delivery("pump-1", "telemetry", both, now + 1_000))
    await process(telemetry(now // 1000, 21, now + 2_000))
    assert (await newest(pump))[1] == 21
    times = Reading.objects.order_by("time").values_list("time", "number")
    assert await times.afirst() == ((now // 1000 - 60_000) * 1000, 1)


async def test_a_clock_that_is_four_hours_behind_is_flagged(process: Any, pump: Device) -> None:
    now = now_us()
    for i in range(8):
        await process(telemetry(now // 1000 - 4 * 3_600_000 + i * 1_000, 7, now + i * 1_000_000))
    await pump.arefresh_from_db()
    assert pump.clock_offset_s == -4 * 3_600


async def test_a_device_whose_clock_is_not_trusted_is_stored_by_the_time_of_receipt(process: Any, pump: Device) -> None:
    await Device.objects.aupdate(clock="receipt")
    now = now_us()
    await process(telemetry(now // 1000 - 4 * 3_600_000, 7, now), telemetry(3_000, 8, now + 1))
    assert [time async for time in Reading.objects.order_by("time").values_list("time", flat=True)] == [now, now + 1]


async def test_a_local_time_is_read_in_the_devices_time_zone(process: Any, pump: Device) -> None:
    await Device.objects.aupdate(time_zone="Asia/Tokyo")
    now = 1_760_000_000_000_000
    await process(telemetry('"2025-10-09T17:53:20"', 7, now))  # nine hours ahead, read as UTC
    assert [time async for time in Reading.objects.values_list("time", flat=True)] == [now]
    await pump.arefresh_from_db()
    assert pump.clock_offset_s == 0


@pytest.mark.parametrize("read_as", ["", "number"])
async def test_a_repeated_message_replaces_nothing_and_shows_nothing_of_the_clock(
    process: Any, pump: Device, read_as: str
) -> None:
    await Metric.objects.acreate(device=pump, name="t", read_as=read_as)
    now = now_us()
    await process(telemetry(now // 1000, 1, now))
    await process(telemetry(now // 1000, 2, now + 5, repeated=True))
    assert [number async for number in Reading.objects.values_list("number", flat=True)] == [1]
    for i in range(8):
        await process(telemetry(now // 1000 - 3_600_000, 1, now + i * 1_000_000, repeated=True))
    await pump.arefresh_from_db()
    assert pump.clock_offset_s == 0

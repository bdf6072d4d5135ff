"""The pipeline on its own: batches, bounds, an unavailable database, a message that spoils a batch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from asgiref.sync import sync_to_async
from django.db import InterfaceError, InternalError, OperationalError, ProgrammingError, connection

from bridges.ingest import fair_queue
from bridges.ingest import pipeline as pipelines
from bridges.ingest.batches import BatchProcessor
from bridges.ingest.delivery import Delivery
from bridges.ingest.pipeline import BUSY, Pipeline, rest_s
from devices.channel.events import TelemetryStored
from devices.models import Device, Reading, Space
from devices.runtime import stats
from devices.telemetry.store import ReadingStore
from devices.values import Telemetry, now_us

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]


class Settled:
    """Counts acknowledgements and lets a test await them."""

    def __init__(self) -> None:
        self.count = 0
        self._changed = asyncio.Condition()
        self._loop = asyncio.get_running_loop()

    def __call__(self) -> None:
        self.count += 1
        self._loop.create_task(self._notify())

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def reach(self, count: int) -> None:
        async with asyncio.timeout(20), self._changed:
            await self._changed.wait_for(lambda: self.count >= count)


def telemetry(payload: bytes, settle: Settled | None = None) -> Delivery:
    return Delivery("pump-1", "telemetry", payload, now_us(), settle=settle)


@pytest.fixture
async def pipeline() -> AsyncIterator[Pipeline]:
    found = Pipeline(BatchProcessor())
    running = asyncio.create_task(found.run())
    yield found
    found.close()
    await asyncio.wait_for(running, 20)


async def offer(pipeline: Pipeline, *deliveries: Delivery) -> None:
    for delivery in deliveries:
        assert pipeline.offer(delivery)


async def test_every_message_is_settled_once(pipeline: Pipeline, pump: Device) -> None:
    settled = Settled()
    await offer(pipeline, *[telemetry(b'{"a": %d}' % i, settled) for i in range(500)])
    await settled.reach(500)
    assert settled.count == 500
    assert await Reading.objects.acount() == 500


async def test_a_refused_message_is_settled_too(pipeline: Pipeline, pump: Device) -> None:
    settled = Settled()
    await offer(pipeline, telemetry(b"{", settled), telemetry(b'{"a": 1}', settled))
    await settled.reach(2)
    assert await Reading.objects.acount() == 1


async def test_a_message_that_is_too_old_is_settled_and_the_next_one_is_stored(
    pipeline: Pipeline, pump: Device, space: Space
) -> None:
    await Space.objects.aupdate(raw_days=90)
    settled, now = Settled(), now_us() // 1000
    old, mixed = b'{"ts": 1546300800000, "values": {"a": 1}}', b'{"ts": %d, "values": {"a": 2}}' % now
    await offer(pipeline, *[telemetry(payload, settled) for payload in (old, b"[%s,%s]" % (old, mixed), b'{"a": 3}')])
    await settled.reach(3)
    assert settled.count == 3
    assert [number async for number in Reading.objects.order_by("number").values_list("number", flat=True)] == [2, 3]


async def test_while_the_database_is_unavailable_nothing_is_settled_and_nothing_is_lost(
    pipeline: Pipeline, pump: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled, failed = Settled(), Settled()
    monkeypatch.setattr(pipelines.logger, "filters", [lambda record: failed() is None])
    await sync_to_async(_execute)("ALTER TABLE devices_reading RENAME TO elsewhere")
    await offer(pipeline, telemetry(b'{"a": 1}', settled), telemetry(b'{"b": 2}', settled))
    await failed.reach(2)
    assert settled.count == 0
    await sync_to_async(_execute)("ALTER TABLE elsewhere RENAME TO devices_reading")
    await settled.reach(2)
    assert await Reading.objects.acount() == 2


@pytest.mark.parametrize("error", [OperationalError, InterfaceError, InternalError, ProgrammingError])
async def test_no_message_is_lost_to_an_error_that_is_not_its_fault(
    pipeline: Pipeline, pump: Device, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    """PostgreSQL raises `InternalError` where it is read-only and `ProgrammingError` before it is migrated."""
    store, attempts = ReadingStore.store, iter(range(2))

    def failing(self: ReadingStore, batch: Sequence[tuple[Device, Telemetry]]) -> list[TelemetryStored]:
        if next(attempts, None) is not None:
            raise error("not now")
        return store(self, batch)

    monkeypatch.setattr(ReadingStore, "store", failing)
    settled = Settled()
    await offer(pipeline, telemetry(b'{"a": 1}', settled))
    await settled.reach(1)
    assert await Reading.objects.acount() == 1


async def test_it_ends_while_the_database_is_unavailable_and_leaves_the_messages_to_the_broker(
    pump: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled, failed = Settled(), Settled()
    monkeypatch.setattr(pipelines.logger, "filters", [lambda record: failed() is None])
    pipeline = Pipeline(BatchProcessor())
    running = asyncio.create_task(pipeline.run())
    await sync_to_async(_execute)("ALTER TABLE devices_reading RENAME TO elsewhere")
    try:
        await offer(pipeline, telemetry(b'{"a": 1}', settled))
        await failed.reach(1)
        pipeline.close()
        await asyncio.wait_for(running, 20)
    finally:
        await sync_to_async(_execute)("ALTER TABLE elsewhere RENAME TO devices_reading")
    assert settled.count == 0


async def test_only_the_message_that_cannot_be_stored_is_refused(
    pipeline: Pipeline, pump: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ReadingStore.store

    def spoiled(self: ReadingStore, batch: Sequence[tuple[Device, Telemetry]]) -> list[TelemetryStored]:
        if any(sample.metric == "poison" for _, message in batch for sample in message.samples):
            raise ValueError("poison")
        return store(self, batch)

    monkeypatch.setattr(ReadingStore, "store", spoiled)
    before = stats.refused.labels("not_storable")._value.get()
    settled = Settled()
    await offer(pipeline, *[telemetry(b'{"%s": 1}' % name, settled) for name in (b"a", b"poison", b"b")])
    await settled.reach(3)
    assert stats.refused.labels("not_storable")._value.get() == before + 1
    assert await Reading.objects.acount() == 2


async def test_buffered_messages_are_stored_at_the_end(pump: Device) -> None:
    settled = Settled()
    pipeline = Pipeline(BatchProcessor())
    await offer(pipeline, *[telemetry(b'{"a": %d}' % i, settled) for i in range(10)])
    pipeline.close()
    await asyncio.wait_for(pipeline.run(), 20)
    assert settled.count == 10
    assert pipeline.offer(telemetry(b'{"a": 1}', settled)) is False
    before = stats.dropped.labels("closing")._value.get()
    assert pipeline.offer(telemetry(b'{"a": 1}')) is False
    assert stats.dropped.labels("closing")._value.get() == before + 1


class Tap:
    """A source that only records whether it may read."""

    def __init__(self) -> None:
        self.reading = True

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


async def test_past_the_bound_it_drops_qos_0_and_counts_it(pump: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipelines, "MAX_BUFFERED", 3)
    monkeypatch.setattr(pipelines, "MAX_DEVICE", 3)
    pipeline, settled = Pipeline(BatchProcessor()), Settled()
    await offer(pipeline, *[telemetry(b'{"a": %d}' % i) for i in range(3)])
    before = stats.dropped.labels("pipeline")._value.get()
    assert pipeline.offer(telemetry(b'{"a": 3}')) is False
    assert stats.dropped.labels("pipeline")._value.get() == before + 1
    assert pipeline.offer(telemetry(b'{"a": 4}', settled)) is True
    pipeline.close()
    await asyncio.wait_for(pipeline.run(), 20)
    assert await Reading.objects.acount() == 4


@pytest.mark.parametrize(("bound", "most"), [("MAX_READ", 6), ("MAX_READ_BYTES", 50)])
async def test_past_a_bound_the_sources_stop_reading_until_there_is_room(
    pump: Device, monkeypatch: pytest.MonkeyPatch, bound: str, most: int
) -> None:
    monkeypatch.setattr(pipelines, bound, most)
    pipeline, tap, late, settled = Pipeline(BatchProcessor()), Tap(), Tap(), Settled()
    pipeline.attach(tap)
    await offer(pipeline, *[telemetry(b'{"a": %d}' % i, settled) for i in range(6)])
    assert tap.reading
    await offer(pipeline, telemetry(b'{"a": 6}', settled))
    assert not tap.reading
    pipeline.attach(late)
    assert not late.reading
    running = asyncio.create_task(pipeline.run())
    await settled.reach(7)
    assert tap.reading
    assert late.reading
    pipeline.close()
    await asyncio.wait_for(running, 20)


async def test_a_batch_has_a_bound_in_bytes(pump: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fair_queue, "MAX_BATCH_BYTES", 20)
    pipeline, settled = Pipeline(BatchProcessor()), Settled()
    before = stats.batches._value.get()
    await offer(pipeline, *[telemetry(b'{"a": "%s"}' % (b"x" * size), settled) for size in (30, 1, 1, 1)])
    pipeline.close()
    await asyncio.wait_for(pipeline.run(), 20)
    assert settled.count == 4
    assert stats.batches._value.get() == before + 3  # the large one by itself, then two, then one


@pytest.mark.parametrize(
    ("messages", "took_s", "rest"),
    [
        (1, 0.0, 0.0),
        (BUSY - 1, 0.002, 0.0),
        (BUSY, 0.002, 0.008),
        (BUSY, 0.008, 0.008),
        (BUSY, 0.015, 0.005),
        (BUSY, 1.0, 0.0),
    ],
)
def test_it_rests_after_large_batches_for_as_long_as_they_took_within_bounds(
    messages: int, took_s: float, rest: float
) -> None:
    assert rest_s(messages, took_s) == pytest.approx(rest)


def _execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)

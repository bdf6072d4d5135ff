"""Refused messages reach the device's page, and a flood of them costs little."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError

from bridges.ingest import refusal_recorder
from bridges.ingest.batches import BatchProcessor
from bridges.ingest.delivery import Delivery
from bridges.ingest.pipeline import Pipeline
from bridges.ingest.refusal_recorder import RefusalRecorder
from devices.errors import Refusal, SkippedValues
from devices.models import Device, Reading, StoredRefusal
from devices.refusals import store
from devices.runtime import database, stats
from devices.values import now_us

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]

FLOOD = 5_000


class Writes:
    """Runs database work like `database.run`, counts the writes, and fails them while `failures` has errors."""

    def __init__(self) -> None:
        self.count = 0
        self.failures: list[Exception] = []

    async def __call__(self, function: Callable[..., Any], *args: Any) -> Any:
        if function is store.record:
            self.count += 1
            if self.failures:
                raise self.failures.pop(0)
        return await database.run(function, *args)


def add(recorder: RefusalRecorder, reason: str = "invalid_json", uid: str = "pump-1") -> None:
    recorder.add_of(Delivery(uid, "telemetry", b"{", now_us()), Refusal(reason))


async def process(payloads: Iterable[bytes]) -> int:
    """Runs a pipeline over these payloads until it ends; returns how many were settled."""
    settled: list[None] = []
    pipeline = Pipeline(BatchProcessor())
    running = asyncio.create_task(pipeline.run())
    for payload in payloads:
        delivery = Delivery("pump-1", "telemetry", payload, now_us(), settle=lambda: settled.append(None))
        assert pipeline.offer(delivery)
    pipeline.close()
    await asyncio.wait_for(running, 60)
    return len(settled)


async def test_a_flood_is_one_row_and_few_writes(pump: Device, monkeypatch, settings) -> None:
    settings.DEVICE_RATE_LIMIT = 0
    record, writes = store.record, []
    monkeypatch.setattr(store, "record", lambda refused: (writes.append(None), record(refused)))
    before = stats.refused.labels("not_finite")._value.get()
    assert await process([*[b'{"a": NaN}'] * FLOOD, b'{"a": 1}']) == FLOOD + 1
    row = await StoredRefusal.objects.aget()
    assert (row.reason, row.count, row.start) == ("not_finite", FLOOD, '{"a": NaN}')
    assert stats.refused.labels("not_finite")._value.get() == before + FLOOD
    assert len(writes) <= 10, "a write a second and one at the end"
    assert await Reading.objects.acount() == 1


async def test_ingest_goes_on_when_a_write_fails(pump: Device, monkeypatch) -> None:
    def broken(refused: object) -> None:
        raise IntegrityError("broken")

    monkeypatch.setattr(store, "record", broken)
    before = stats.dropped.labels("refusals")._value.get()
    assert await process([b"{", b'{"a": 1}']) == 2
    assert stats.dropped.labels("refusals")._value.get() == before + 1
    assert await Reading.objects.acount() == 1


async def test_refusals_within_a_second_are_written_together(pump: Device, monkeypatch) -> None:
    monkeypatch.setattr(refusal_recorder, "WRITE_EVERY_S", 0.2)
    writes = Writes()
    recorder = RefusalRecorder(writes)
    for _ in range(10):
        add(recorder)
        await recorder.write()
    assert (writes.count, (await StoredRefusal.objects.aget()).count) == (1, 1)
    async with asyncio.timeout(20):
        await recorder._later
    assert (writes.count, (await StoredRefusal.objects.aget()).count) == (2, 10)


async def test_a_pipeline_writes_while_it_runs(pump: Device, monkeypatch) -> None:
    record, recorded = store.record, threading.Event()
    monkeypatch.setattr(store, "record", lambda refused: (record(refused), recorded.set()))
    pipeline = Pipeline(BatchProcessor())
    running = asyncio.create_task(pipeline.run())
    delivery = Delivery("pump-1", "telemetry", b"{", now_us())
    assert pipeline.offer(delivery)
    assert await asyncio.to_thread(recorded.wait, 20)
    assert (await StoredRefusal.objects.aget()).count == 1
    pipeline.close()
    await asyncio.wait_for(running, 20)


async def test_pending_refusals_are_written_at_the_end(pump: Device) -> None:
    recorder = RefusalRecorder(database.run)
    for _ in range(3):
        add(recorder)
        await recorder.write()
    await recorder.close()
    assert (await StoredRefusal.objects.aget()).count == 3


async def test_a_write_under_way_at_the_end_is_finished(pump: Device, monkeypatch) -> None:
    monkeypatch.setattr(refusal_recorder, "WRITE_EVERY_S", 0.05)
    under_way, go_on = asyncio.Event(), asyncio.Event()

    async def slow(function: Callable[..., Any], *args: Any) -> Any:
        under_way.set()
        await go_on.wait()
        return await database.run(function, *args)

    recorder = RefusalRecorder(slow)
    recorder._written_at = time.monotonic()
    add(recorder)
    await recorder.write()
    async with asyncio.timeout(20):
        await under_way.wait()
    add(recorder)
    closing = asyncio.create_task(recorder.close())
    await asyncio.sleep(0)
    go_on.set()
    await asyncio.wait_for(closing, 20)
    assert (await StoredRefusal.objects.aget()).count == 2


async def test_refusals_are_kept_while_the_database_is_unavailable(pump: Device, monkeypatch) -> None:
    monkeypatch.setattr(refusal_recorder, "WRITE_EVERY_S", 0.05)
    writes = Writes()
    writes.failures = [OperationalError("unavailable")] * 3
    recorder = RefusalRecorder(writes)
    add(recorder)
    await recorder.write()
    add(recorder)
    async with asyncio.timeout(20):
        await recorder._later
    assert (writes.count, (await StoredRefusal.objects.aget()).count) == (4, 2)


async def test_an_unknown_device_has_no_row(pump: Device) -> None:
    recorder = RefusalRecorder(database.run)
    add(recorder, "unknown_device")
    add(recorder, "invalid_json", "nobody")
    await recorder.write()
    assert not await StoredRefusal.objects.aexists()


async def test_skipped_values_are_stored_by_key_and_not_counted_as_messages(pump: Device) -> None:
    before = stats.refused.labels("not_finite")._value.get()
    recorder, skipped = RefusalRecorder(database.run), SkippedValues()
    for key in ("a", "b", "a"):
        skipped.add(Refusal("not_finite", key=key))
    recorder.add_of(Delivery("pump-1", "telemetry", b"{", now_us()), None, skipped)
    await recorder.write()
    assert {row.key: row.count async for row in StoredRefusal.objects.all()} == {"a": 2, "b": 1}
    assert stats.refused.labels("not_finite")._value.get() == before
    recorder.add_of(Delivery("pump-1", "telemetry", b"{", now_us()), Refusal("not_finite", key="a"), skipped)
    assert stats.refused.labels("not_finite")._value.get() == before + 1
    assert len(recorder._pending) == 2


async def test_pending_refusals_of_one_device_are_bounded(pump: Device, monkeypatch) -> None:
    """A device that makes up keys must crowd out neither the refusals of others nor its own for other reasons."""
    monkeypatch.setattr(refusal_recorder, "MAX_KEYS", 2)
    before = stats.dropped.labels("refusals")._value.get()
    recorder = RefusalRecorder(database.run)
    for key in "abcab":
        recorder.add_of(Delivery("pump-1", "other", b"{", now_us()), Refusal("bad_topic", key=key))
    add(recorder)
    await recorder.write()
    assert {row.key: row.count async for row in StoredRefusal.objects.all()} == {"a": 2, "b": 2, "": 1}
    assert stats.dropped.labels("refusals")._value.get() == before + 1
    assert not recorder._keys


async def test_pending_refusals_are_bounded(pump: Device, monkeypatch) -> None:
    monkeypatch.setattr(refusal_recorder, "MAX_PENDING", 2)
    before = stats.dropped.labels("refusals")._value.get()
    recorder = RefusalRecorder(database.run)
    for reason in ("invalid_json", "not_finite", "too_deep", "invalid_json"):
        add(recorder, reason)
    await recorder.write()
    assert {row.reason: row.count async for row in StoredRefusal.objects.all()} == {
        "invalid_json": 2,
        "not_finite": 1,
    }
    assert stats.dropped.labels("refusals")._value.get() == before + 1


async def test_what_a_broker_repeats_after_a_subscription_is_only_counted(pump: Device, caplog) -> None:
    before = stats.refused.labels("retained")._value.get()
    recorder, skipped = RefusalRecorder(database.run), SkippedValues()
    for refusal in (Refusal("retained", key="a"), Refusal("not_finite", key="b")):
        skipped.add(refusal)
    recorder.add_of(Delivery("pump-1", "telemetry", b"{", now_us()), Refusal("retained", key="a"), skipped)
    await recorder.write()
    assert [row.key async for row in StoredRefusal.objects.all()] == ["b"]
    assert stats.refused.labels("retained")._value.get() == before + 1
    assert "retained" not in caplog.text

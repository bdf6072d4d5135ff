"""A device that floods the pipeline delays or loses only its own messages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from django.db import OperationalError

from bridges.ingest import batches, direct
from bridges.ingest import pipeline as pipelines
from bridges.ingest.batches import MIN_SHARE, BatchProcessor
from bridges.ingest.delivery import Delivery
from bridges.ingest.fair_queue import TURN_MESSAGES
from bridges.ingest.pipeline import Pipeline
from devices.errors import Refusal
from devices.models import Device, Metric, Reading, Space, StoredRefusal
from devices.rooms import provisioning
from devices.runtime import stats
from devices.telemetry.store import MAX_METRICS
from devices.values import now_us
from tests.support.eventually import eventually_async

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]

VALUES = 100
"""Of each second; a device may use three times as many at once."""
FLOOD = 3_000
"""Values of a message that uses up the budget of half a minute."""


@pytest.fixture(autouse=True)
def budget(settings: Any) -> None:
    settings.VALUE_RATE_LIMIT, settings.BYTE_RATE_LIMIT = VALUES, 0


@pytest.fixture
def valve(pump: Device, space: Space) -> Device:
    return provisioning.create_device("valve-1", space)[0]


@asynccontextmanager
async def running(pipeline: Pipeline) -> AsyncIterator[Pipeline]:
    task = asyncio.create_task(pipeline.run())
    yield pipeline
    pipeline.close()
    await asyncio.wait_for(task, 20)


@pytest.fixture
async def pipeline(valve: Device) -> AsyncIterator[Pipeline]:
    async with running(Pipeline(BatchProcessor())) as found:
        yield found


class Settled:
    """The order in which messages were acknowledged."""

    def __init__(self) -> None:
        self.order: list[str] = []

    def delivery(self, uid: str, payload: bytes, *, qos: int = 1) -> Delivery:
        settle = (lambda: self.order.append(uid)) if qos else None
        return Delivery(uid, "telemetry", payload, now_us(), settle=settle)


def samples(count: int, first: int = 0) -> bytes:
    """As many values of one metric, each with a time of its own."""
    start = now_us() // 1000 - 1_000_000
    return b"[%s]" % b",".join(b'{"ts":%d,"values":{"a":%d}}' % (start + first + i, i) for i in range(count))


async def stored() -> int:
    return await Reading.objects.acount()


async def test_a_large_message_is_stored_in_parts_between_which_others_pass(pipeline: Pipeline) -> None:
    settled = Settled()
    pipeline.offer(settled.delivery("pump-1", samples(3 * MIN_SHARE)))
    await eventually_async(stored)
    pipeline.offer(settled.delivery("valve-1", b'{"a": 1}'))
    await eventually_async(lambda: len(settled.order) == 2)
    assert settled.order == ["valve-1", "pump-1"]
    assert await stored() == 3 * MIN_SHARE + 1


async def test_qos_1_over_the_budget_waits_and_is_stored_while_others_pass(pipeline: Pipeline) -> None:
    settled, delayed = Settled(), stats.delayed._value.get()
    pipeline.offer(settled.delivery("pump-1", samples(4 * VALUES)))
    await eventually_async(lambda: settled.order)
    pipeline.offer(settled.delivery("pump-1", samples(1, 10_000)))
    await eventually_async(lambda: stats.delayed._value.get() > delayed)
    pipeline.offer(settled.delivery("valve-1", b'{"a": 1}'))
    await eventually_async(lambda: len(settled.order) == 3)
    assert settled.order == ["pump-1", "valve-1", "pump-1"]
    assert await stored() == 4 * VALUES + 2


async def test_qos_0_over_the_budget_is_refused_by_name_and_what_others_send_is_stored(pipeline: Pipeline) -> None:
    settled, before = Settled(), stats.refused.labels("rate_limited")._value.get()
    pipeline.offer(settled.delivery("pump-1", samples(FLOOD)))
    await eventually_async(lambda: settled.order)
    for _ in range(5):
        pipeline.offer(settled.delivery("pump-1", b'{"b": 1}', qos=0))
    pipeline.offer(settled.delivery("valve-1", b'{"a": 1}'))
    await eventually_async(lambda: len(settled.order) == 2)
    assert stats.refused.labels("rate_limited")._value.get() == before + 5
    assert await stored() == FLOOD + 1


async def test_qos_1_over_the_limit_of_messages_waits_and_none_is_refused(valve: Device, settings: Any) -> None:
    settings.DEVICE_RATE_LIMIT = 100
    settled, before = Settled(), stats.refused.labels("rate_limited")._value.get()
    async with running(Pipeline(BatchProcessor())) as pipeline:
        for number in range(450):
            pipeline.offer(settled.delivery("pump-1", b'{"a": %d}' % number))
        await eventually_async(lambda: len(settled.order) >= 300)
        pipeline.offer(settled.delivery("valve-1", b'{"a": 1}'))
        await eventually_async(lambda: len(settled.order) == 451)
    assert settled.order.index("valve-1") < 400
    assert await stored() == 451
    assert stats.refused.labels("rate_limited")._value.get() == before


async def test_where_nobody_may_be_held_back_it_is_stored_at_once_and_counted(valve: Device, settings: Any) -> None:
    """Behind a broker, messages that are held back count against what the bridge may have unacknowledged."""
    settings.DEVICE_RATE_LIMIT = 10
    settled, before, over = Settled(), stats.refused.labels("rate_limited")._value.get(), stats.over_limit._value.get()
    async with running(Pipeline(BatchProcessor(), holds_back=False)) as pipeline:
        for number in range(450):
            pipeline.offer(settled.delivery("pump-1", b'{"a": %d}' % number))
        pipeline.offer(settled.delivery("valve-1", b'{"a": 1}'))
        await eventually_async(lambda: len(settled.order) == 451)
    assert settled.order.index("valve-1") <= 100
    assert await stored() == 451
    assert stats.refused.labels("rate_limited")._value.get() == before
    assert 450 - 2 * TURN_MESSAGES <= stats.over_limit._value.get() - over <= 450 - TURN_MESSAGES


async def test_a_large_message_over_the_budget_is_stored_although_it_is_not_held_back(valve: Device) -> None:
    settled, over = Settled(), stats.over_limit._value.get()
    async with running(Pipeline(BatchProcessor(), holds_back=False)) as pipeline:
        for number in range(3):
            pipeline.offer(settled.delivery("pump-1", samples(FLOOD, number * FLOOD)))
        pipeline.offer(settled.delivery("valve-1", b'{"a": 1}'))
        await eventually_async(lambda: len(settled.order) == 4)
    assert settled.order[0] == "valve-1"
    assert await stored() == 3 * FLOOD + 1
    assert stats.over_limit._value.get() == over + 2


async def test_when_the_buffer_is_full_a_device_with_few_messages_still_has_room(
    valve: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipelines, "MAX_BUFFERED", 4)
    monkeypatch.setattr(pipelines, "MAX_DEVICE", 4)
    pipeline, settled = Pipeline(BatchProcessor()), Settled()
    assert [pipeline.offer(settled.delivery("pump-1", b'{"a": 1}', qos=0)) for _ in range(5)] == [True] * 4 + [False]
    assert pipeline.offer(settled.delivery("valve-1", b'{"a": 1}', qos=0))
    pipeline.close()
    await asyncio.wait_for(pipeline.run(), 20)
    assert await stored() == 5


async def test_a_device_has_a_bound_of_its_own(valve: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipelines, "MAX_DEVICE", 2)
    pipeline, settled = Pipeline(BatchProcessor()), Settled()
    before = stats.dropped.labels("device")._value.get()
    assert [pipeline.offer(settled.delivery("pump-1", b'{"a": 1}', qos=0)) for _ in range(3)] == [True, True, False]
    assert stats.dropped.labels("device")._value.get() == before + 1
    assert pipeline.offer(settled.delivery("pump-1", b'{"a": 1}'))
    pipeline.close()
    await asyncio.wait_for(pipeline.run(), 20)


class TestWithoutPipeline:
    @pytest.fixture(autouse=True)
    def processor(self, valve: Device, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(batches, "_shared", BatchProcessor())

    async def test_a_large_message_is_stored_in_parts(self) -> None:
        before = stats.batches._value.get()
        result = await direct.ingest_now(Delivery("pump-1", "telemetry", samples(2 * MIN_SHARE + 1), now_us()))
        assert (result.readings, result.refusals) == (2 * MIN_SHARE + 1, {})
        assert stats.batches._value.get() == before + 3

    async def test_a_device_over_its_budget_is_refused_and_another_is_served(self) -> None:
        large = [Delivery("pump-1", "telemetry", samples(FLOOD), now_us()) for _ in range(2)]
        answers = await asyncio.gather(*map(direct.ingest_now, large), return_exceptions=True)
        assert sum(isinstance(answer, Refusal) and answer.reason == "rate_limited" for answer in answers) == 1
        assert (await direct.ingest_now(Delivery("valve-1", "telemetry", b'{"a": 1}', now_us()))).readings == 1

    async def test_a_message_that_has_waited_for_its_turn_forgives_nobody(self) -> None:
        budgets = batches.shared_processor().budgets
        budgets.spend_values("valve-1", FLOOD, now_us())
        ready_at = budgets.ready_at("valve-1")
        for waited_s in (0, 60):
            await direct.ingest_now(Delivery("pump-1", "telemetry", b'{"a": 1}', now_us() - waited_s * 1_000_000))
        assert budgets.ready_at("valve-1") == ready_at

    async def test_a_message_that_is_refused_is_refused_once(self) -> None:
        before = stats.refused.labels("unknown_device")._value.get()
        with pytest.raises(Refusal):
            await direct.ingest_now(Delivery("nobody", "telemetry", samples(3 * MIN_SHARE), now_us()))
        assert stats.refused.labels("unknown_device")._value.get() == before + 1


async def test_of_a_large_message_with_too_many_metrics_those_are_stored_for_which_there_is_room(
    pipeline: Pipeline,
) -> None:
    settled = Settled()
    pipeline.offer(settled.delivery("pump-1", b"{%s}" % b",".join(b'"m%d":1' % i for i in range(MAX_METRICS + 2))))
    await eventually_async(lambda: settled.order)
    assert await Metric.objects.acount() == MAX_METRICS
    await eventually_async(StoredRefusal.objects.aexists)
    listed = [(row.reason, row.key, row.count) async for row in StoredRefusal.objects.order_by("key")]
    assert listed == [("too_many_metrics", f"m{MAX_METRICS + i}", 1) for i in range(2)]


async def test_a_message_that_is_stored_in_parts_survives_an_outage_between_them(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled, processor = Settled(), pipeline._processor
    write, calls = processor._write, iter([False, True, True])

    def failing(*args: Any) -> None:
        if next(calls, False):
            raise OperationalError("not now")
        write(*args)

    monkeypatch.setattr(processor, "_write", failing)
    pipeline.offer(settled.delivery("pump-1", samples(2 * MIN_SHARE)))
    await eventually_async(lambda: settled.order)
    assert await stored() == 2 * MIN_SHARE

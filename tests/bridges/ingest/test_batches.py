"""Batches without a pipeline around them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from bridges.ingest.batches import Batch, BatchProcessor
from bridges.ingest.delivery import Delivery
from devices.models import Device, Reading, Space
from devices.registry import metrics, senders
from devices.registry.senders import Sender
from devices.runtime import stats
from devices.telemetry import deleted_metrics
from devices.telemetry.store import MAX_METRICS
from devices.values import now_us

pytestmark = pytest.mark.django_db(transaction=True)


def telemetry(payload: bytes) -> Delivery:
    return Delivery("pump-1", "telemetry", payload, now_us())


async def test_the_bound_on_metrics_holds_within_a_batch_too(pump: Device, settings: Any) -> None:
    settings.VALUE_RATE_LIMIT = 0  # all of a message at once
    half = MAX_METRICS // 2
    messages = [b"{%s}" % b",".join(b'"%s%d": 1' % (part, i) for i in range(half)) for part in (b"a", b"b", b"c", b"a")]
    outcome = await sync_to_async(BatchProcessor().process)(Batch([telemetry(message) for message in messages]))
    assert {i: refusal.reason for i, refusal in outcome.refusals.items()} == {2: "too_many_metrics"}
    assert outcome.skipped[2].counts == {"too_many_metrics": half}
    assert await pump.metrics.acount() == MAX_METRICS


async def test_what_cannot_be_stored_of_a_message_does_not_keep_the_rest_out(pump: Device) -> None:
    await Space.objects.aupdate(raw_days=90)
    counted = {reason: stats.samples_refused.labels(reason)._value for reason in ("not_finite", "older_than_retention")}
    before = {reason: value.get() for reason, value in counted.items()}
    payload = b'[{"a": NaN, "b": 1}, {"ts": 1000000000000, "values": {"b": 2, "c": 3}}]'
    outcome = await sync_to_async(BatchProcessor().process)(Batch([telemetry(payload)]))
    assert (outcome.readings, outcome.refusals) == (1, {})
    assert [(one.key, one.reason, n) for one, n in outcome.skipped[0]] == [
        ("a", "not_finite", 1),
        ("ts", "older_than_retention", 2),
    ]
    assert {reason: value.get() - before[reason] for reason, value in counted.items()} == {
        "not_finite": 1,
        "older_than_retention": 2,
    }


async def test_a_message_of_which_nothing_is_left_is_refused(pump: Device) -> None:
    messages = [telemetry(b'{"a": NaN}'), telemetry(b'{"a": null}')]
    outcome = await sync_to_async(BatchProcessor().process)(Batch(messages))
    assert {i: (refusal.reason, refusal.key) for i, refusal in outcome.refusals.items()} == {0: ("not_finite", "a")}
    assert (outcome.readings, outcome.skipped[0].total) == (0, 1)


async def test_skipped_values_count_towards_the_budget_of_values(pump: Device) -> None:
    batch = Batch([telemetry(b"[%s]" % b",".join([b'{"": 1}'] * 30))])
    await sync_to_async(BatchProcessor().process)(batch)
    assert batch.values["pump-1"] == 30


@pytest.mark.both_databases
async def test_a_metric_that_another_process_removes_in_between_is_created_anew(
    pump: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    processor, by_uid = BatchProcessor(), senders.by_uid
    await sync_to_async(processor.process)(Batch([telemetry(b'{"a": 1}')]))
    before = await sync_to_async(by_uid)(["pump-1"])

    def remove() -> None:
        metrics.delete(metrics.get(pump, "a"))
        deleted_metrics.remove_deleted()

    def outdated(uids: Iterable[str]) -> dict[str, Sender]:
        """As if the batch had read the device before."""
        monkeypatch.setattr(senders, "by_uid", by_uid)
        return before

    await sync_to_async(remove)()
    monkeypatch.setattr(senders, "by_uid", outdated)
    outcome = await sync_to_async(processor.process)(Batch([telemetry(b'{"a": 2}'), telemetry(b'{"b": 3}')]))
    assert (outcome.readings, outcome.refusals) == (2, {})
    assert [value async for value in Reading.objects.order_by("time").values_list("number", flat=True)] == [2.0, 3.0]


async def test_attributes_that_cannot_be_stored_are_skipped(pump: Device) -> None:
    messages = [
        Delivery("pump-1", "attributes", payload, now_us()) for payload in (b'{"fw": "1", "x": [{}]}', b'{"fw": null}')
    ]
    processor = BatchProcessor()
    outcome = await sync_to_async(processor.process)(Batch(messages[:1]))
    await pump.arefresh_from_db()
    assert (pump.attributes, outcome.refusals, outcome.skipped[0].first.key) == ({"fw": "1"}, {}, "x")
    assert (await sync_to_async(processor.process)(Batch(messages[1:]))).refusals == {}
    await pump.arefresh_from_db()
    assert pump.attributes == {}
    outcome = await sync_to_async(processor.process)(Batch([Delivery("pump-1", "attributes", b'{"x": NaN}', now_us())]))
    assert outcome.refusals[0].reason == "not_finite"

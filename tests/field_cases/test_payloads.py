"""What devices in the field send, through the real pipeline into the database."""

from __future__ import annotations

import pytest

from bridges.ingest.batches import Batch, BatchProcessor, BatchResult
from bridges.ingest.delivery import Delivery
from devices.models import Device, Space
from devices.runtime import stats
from devices.telemetry.latest import latest_values
from devices.values import now_us
from tests.field_cases.payloads import STATUSES, TELEMETRY, FieldCase

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]

NOW_MS = now_us() // 1000


def filled(payload: bytes) -> bytes:
    """The payload with the present time in place of `%(ms)d` and the like."""
    if b"%(" not in payload:
        return payload
    day = b"2026-01-02"
    return payload % {b"ms": NOW_MS - 5_000, b"seconds": NOW_MS // 1000, b"day": day}


def receive(kind: str, payload: bytes) -> BatchResult:
    return BatchProcessor().process(Batch([Delivery("pump-1", kind, payload, now_us())]))


@pytest.mark.parametrize("case", TELEMETRY, ids=lambda case: case.sender)
def test_telemetry_is_stored_as_far_as_it_can_be(pump: Device, space: Space, case: FieldCase) -> None:
    Space.objects.update(raw_days=0)
    before = stats.flagged.labels(case.flagged)._value.get() if case.flagged else 0
    result = receive("telemetry", filled(case.payload))
    values = {name: value for name, (_, value) in latest_values([pump.id]).get(pump.id, {}).items()}
    assert values == case.stored
    refusals = list(result.refusals.values())
    assert [refusal.reason for refusal in refusals] == [case.refused][: bool(case.refused)]
    assert case.hint in "".join(refusal.detail for refusal in refusals)
    if not case.refused:
        skipped = result.skipped.get(0)
        assert {one.key: one.reason for one, _ in skipped or ()} == case.skipped
    if case.flagged:
        assert stats.flagged.labels(case.flagged)._value.get() == before + 1


@pytest.mark.parametrize(("payload", "status"), STATUSES.items())
def test_a_status_is_understood(pump: Device, payload: bytes, status: str) -> None:
    assert receive("status", payload).refusals == {}
    pump.refresh_from_db()
    assert pump.availability == status


def test_a_null_removes_an_attribute_and_an_array_loses_nothing_else(pump: Device) -> None:
    for payload in (b'{"fw":"1"}', b'{"fw":null}', b'{"model":"X","tags":["a"],"slots":[{}]}'):
        receive("attributes", payload)
    pump.refresh_from_db()
    assert pump.attributes == {"model": "X", "tags.0": "a"}


def test_a_text_among_numbers_stays_and_null_is_no_value(pump: Device) -> None:
    for value in (b"1", b"2.5", b'"err"', b"true", b"null", b"4"):
        assert receive("telemetry", b'{"m": %s}' % value).refusals == {}
    assert pump.metrics.count() == 1

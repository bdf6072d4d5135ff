"""Rollups while a transaction of another connection stores readings. On SQLite nobody else can write meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection, transaction

from devices.models import Device, LateHour
from devices.telemetry.store import ReadingStore
from devices.telemetry.watermarks import CLOSED, ROLLED, watermark
from devices.values import Value
from tests.devices.telemetry.rolling_up import HOUR, MINUTE, T0, RollupClock, check, put, roll_up, stored

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has a single writer"),
]

WAIT_S = 30


@contextmanager
def storing(device: Device, values: dict[int, Value]) -> Iterator[None]:
    """Another connection stores these readings, and commits at the end of the block."""
    stored, commit = threading.Event(), threading.Event()

    def store() -> None:
        with transaction.atomic():
            put(ReadingStore(), device, values)
            stored.set()
            assert commit.wait(WAIT_S)
        connection.close()

    thread = threading.Thread(target=store)
    thread.start()
    assert stored.wait(WAIT_S)
    try:
        yield
    finally:
        commit.set()
        thread.join(WAIT_S)


def test_a_time_is_not_closed_while_a_transaction_stores_readings_of_it(clock: RollupClock, pump: Device) -> None:
    put(ReadingStore(), pump, {0: 1.0})
    clock.time = T0 + 10 * MINUTE
    roll_up()
    clock.time = T0 + 3 * HOUR
    with storing(pump, {HOUR: 2.0}):
        roll_up()
        assert watermark(CLOSED) == watermark(ROLLED) == T0 + 9 * MINUTE
    roll_up()
    assert watermark(ROLLED) == T0 + 3 * HOUR - MINUTE
    assert sum(bucket[0] for bucket in stored(60).values()) == 2
    check(watermark(ROLLED))


def test_ingest_goes_on_while_closing_waits(clock: RollupClock, pump: Device) -> None:
    """Later transactions wait behind it, so it must not wait for long."""
    put(ReadingStore(), pump, {0: 1.0})
    clock.time = T0 + 3 * HOUR
    with storing(pump, {HOUR: 2.0}):
        closing = threading.Thread(target=lambda: (roll_up(), connection.close()))
        closing.start()
        put(ReadingStore(), pump, {HOUR + 1: 3.0})
        closing.join(WAIT_S)
        assert not closing.is_alive()


@pytest.mark.parametrize("marked", [False, True])
def test_late_readings_that_are_not_committed_yet_are_not_left_out(
    clock: RollupClock, pump: Device, marked: bool
) -> None:
    put(ReadingStore(), pump, {0: 1.0})
    clock.time = T0 + 3 * HOUR
    roll_up()
    if marked:
        put(ReadingStore(), pump, {MINUTE: 1.0})
    with storing(pump, {1: 2.0}):
        roll_up()
        assert LateHour.objects.count() == marked
    assert LateHour.objects.count() == 1
    roll_up()
    assert not LateHour.objects.exists()
    check(watermark(ROLLED))

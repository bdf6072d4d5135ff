"""Weekly partitions of the readings, on PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from devices.models import Device, Metric, Reading
from devices.telemetry import partitions
from devices.telemetry.partitions import AHEAD, WEEK_US, Partitions, Week
from devices.telemetry.store import ReadingStore
from devices.values import Sample, Telemetry, now_us

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no partitions"),
]

WAIT_S = 30
T0 = 1_600_000_000_000_000


@pytest.fixture(autouse=True)
def old_weeks_cleared(transactional_db: None) -> Iterator[None]:
    """Otherwise the next test would find the partitions of this one."""
    yield
    Reading.objects.all().delete()
    for week in partitions.weeks_until(now_us() - WEEK_US):
        partitions.clear(week)


def weeks() -> set[int]:
    return {week.number for week in partitions.weeks_until(now_us() + 10 * WEEK_US)}


def put(device: Device, *times: int, store: ReadingStore | None = None) -> None:
    with transaction.atomic():
        samples = tuple(Sample("speed", float(i), time) for i, time in enumerate(times))
        (store or ReadingStore()).store([(device, Telemetry(samples, now_us()))])


def test_partitions_of_this_week_and_the_next_ones_are_created_ahead() -> None:
    this = now_us() // WEEK_US
    assert set(range(this, this + AHEAD + 1)) <= weeks()
    partitions.clear(Week(this + AHEAD))
    Partitions().create_ahead()
    assert this + AHEAD in weeks()


def test_a_reading_of_any_time_finds_its_partition(pump: Device) -> None:
    times = [T0, T0 + WEEK_US, T0 + 10 * WEEK_US - 1]
    put(pump, *times)
    put(pump, *times)
    assert list(Reading.objects.order_by("time").values_list("time", flat=True)) == times
    assert {time // WEEK_US for time in times} <= weeks()


def test_the_usual_batch_costs_no_query(pump: Device, django_assert_num_queries) -> None:
    known = Partitions()
    with transaction.atomic():
        known.ensure([T0])
    with django_assert_num_queries(0):
        known.ensure([T0, T0 + 1])


def test_partitions_that_exist_are_used_without_waiting_for_one_that_is_being_created(pump: Device) -> None:
    put(pump, T0)
    stored = threading.Event()

    def other() -> None:
        put(pump, T0 + 1)
        stored.set()
        connection.close()

    with transaction.atomic():
        Partitions().ensure([T0 + WEEK_US])
        thread = threading.Thread(target=other)
        thread.start()
        assert stored.wait(WAIT_S)
    thread.join(WAIT_S)


def test_a_partition_that_was_rolled_back_is_created_again(pump: Device) -> None:
    store = ReadingStore()
    with transaction.atomic():
        store.store([(pump, Telemetry((Sample("speed", 1.0, T0),), T0))])
        transaction.set_rollback(True)
    store.forget()
    put(pump, T0, store=store)
    assert Reading.objects.count() == 1


def test_two_processes_that_create_one_at_the_same_moment_both_go_on(pump: Device) -> None:
    Metric.objects.create(device=pump, name="speed")
    begun = threading.Event()

    def other() -> None:
        begun.set()
        put(pump, T0 + 1)
        connection.close()

    thread = threading.Thread(target=other)
    with transaction.atomic():
        Partitions().ensure([T0])
        thread.start()
        assert begun.wait(WAIT_S)
        ReadingStore().store([(pump, Telemetry((Sample("speed", 1.0, T0),), T0))])
    thread.join(WAIT_S)
    assert not thread.is_alive()
    assert Reading.objects.count() == 2


def test_ingest_goes_on_while_one_is_created(pump: Device) -> None:
    put(pump, now_us())
    stored = threading.Event()

    def other() -> None:
        put(pump, now_us())
        stored.set()
        connection.close()

    with transaction.atomic():
        Partitions().ensure([T0])
        thread = threading.Thread(target=other)
        thread.start()
        assert stored.wait(WAIT_S)
    thread.join(WAIT_S)


def test_one_that_was_dropped_since_a_store_remembered_it_is_created_again_after_one_failure(pump: Device) -> None:
    store = ReadingStore()
    put(pump, T0, store=store)
    put(pump, now_us(), store=store)
    assert partitions.clear(Week(T0 // WEEK_US)) is not None
    with pytest.raises(IntegrityError):
        put(pump, T0, store=store)
    put(pump, T0, store=store)
    assert Reading.objects.filter(time=T0).exists()


def test_a_week_in_use_is_not_cleared(pump: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitions, "LOCK_WAIT_MS", 50)
    put(pump, T0, now_us())
    reading, done = threading.Event(), threading.Event()

    def other() -> None:
        with transaction.atomic():
            Reading.objects.count()
            reading.set()
            assert done.wait(WAIT_S)
        connection.close()

    thread = threading.Thread(target=other)
    thread.start()
    assert reading.wait(WAIT_S)
    assert partitions.clear(Week(T0 // WEEK_US)) is None
    done.set()
    thread.join(WAIT_S)
    assert partitions.clear(Week(T0 // WEEK_US)) is not None
    assert T0 // WEEK_US not in weeks()


def test_the_newest_readings_outlive_their_week(pump: Device) -> None:
    put(pump, T0, T0 + 1, T0 + 2)
    week = Week(T0 // WEEK_US)
    for _ in range(2):
        partitions.clear(week)
        assert list(Reading.objects.values_list("time", "number")) == [(T0 + 2, 2.0)]


def test_readings_are_still_deleted_with_their_device(pump: Device) -> None:
    put(pump, T0, now_us())
    with pytest.raises(IntegrityError), transaction.atomic():
        Reading.objects.create(metric_id=999_999, time=T0, number=1)
    pump.delete()
    assert not Reading.objects.exists()


def test_a_filled_database_is_migrated_there_and_back(pump: Device) -> None:
    metric = Metric.objects.create(device=pump, name="speed")  # today's model has columns that are missing there
    _migrate("0003_history")
    try:
        rows = [(metric.id, T0 + i * WEEK_US // 3, float(i), None) for i in range(30)]
        Reading.objects.bulk_create(Reading(metric_id=m, time=t, number=n, text=x) for m, t, n, x in rows)
    finally:
        _migrate_to_newest()
    assert sorted(Reading.objects.values_list("metric_id", "time", "number", "text")) == rows
    assert {time // WEEK_US for _, time, _, _ in rows} <= weeks()
    put(pump, now_us())
    _migrate("0003_history")
    try:
        assert Reading.objects.count() == 31
        with pytest.raises(IntegrityError), transaction.atomic():
            Reading.objects.create(metric_id=metric.id, time=T0)
    finally:
        _migrate_to_newest()
    assert Reading.objects.count() == 31


def _migrate(name: str) -> None:
    MigrationExecutor(connection).migrate([("devices", name)])


def _migrate_to_newest() -> None:
    """Otherwise the tests that follow would find an older database."""
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())

from __future__ import annotations

import json

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from devices.channel import groups
from devices.channel.events import TelemetryStored
from devices.models import Device, Metric, Reading, Space
from devices.rooms import provisioning
from devices.runtime import stats
from devices.telemetry import store as telemetry_store
from devices.telemetry.columns import to_columns
from devices.telemetry.store import ReadingStore
from devices.values import Sample, Telemetry, Value

NOW = 1_700_000_000_000_000


def telemetry(*samples: Sample, at: int = NOW) -> Telemetry:
    return Telemetry(samples, at)


def times(metric: str = "speed") -> list[int]:
    return list(Reading.objects.filter(metric__name=metric).order_by("time").values_list("time", flat=True))


def test_a_metric_is_created_with_its_first_sample_and_once(store: ReadingStore, pump: Device) -> None:
    store.store([(pump, telemetry(Sample("speed", 1), Sample("on", True)))])
    store.store([(pump, telemetry(Sample("speed", 2)))])
    ReadingStore().store([(pump, telemetry(Sample("speed", 3), at=NOW + 10))])
    assert sorted(Metric.objects.values_list("device", "name")) == [(pump.id, "on"), (pump.id, "speed")]
    assert Reading.objects.count() == 4


def test_a_metric_that_another_bridge_created_in_the_meantime_is_used(store: ReadingStore, pump: Device) -> None:
    store.store([(pump, telemetry(Sample("on", True)))])
    theirs = Metric.objects.create(device=pump, name="speed")
    store.store([(pump, telemetry(Sample("speed", 1)))])
    assert Reading.objects.get(metric__name="speed").metric == theirs


def test_readings_are_stored_while_django_logs_its_statements(store: ReadingStore, pump: Device) -> None:
    with CaptureQueriesContext(connection):
        store.store([(pump, telemetry(Sample("speed", 1)))])
    assert Reading.objects.count() == 1


def test_a_repeated_sample_with_a_time_is_stored_once(store: ReadingStore, pump: Device) -> None:
    batch = [(pump, telemetry(Sample("speed", 1, NOW - 5), Sample("speed", 2, NOW - 4)))]
    store.store(batch)
    store.store(batch)
    assert list(Reading.objects.order_by("time").values_list("time", "number")) == [(NOW - 5, 1), (NOW - 4, 2)]


def replaced() -> float:
    return float(stats.readings_replaced._value.get())


@pytest.mark.django_db(transaction=True)
@pytest.mark.both_databases
@pytest.mark.parametrize("values", [(1, 2), (1.5, -1.5), (1, "two"), ("one", "two"), (True, False), (2**60, 2**60 + 1)])
@pytest.mark.parametrize("together", [True, False])
def test_of_two_values_with_one_time_the_later_stays(
    store: ReadingStore, pump: Device, values: tuple[Value, Value], together: bool
) -> None:
    before = replaced()
    messages = [(pump, telemetry(Sample("a", 7, NOW - 9), Sample("a", value, NOW - 5))) for value in values]
    for batch in [messages] if together else [[message] for message in messages]:
        with transaction.atomic():
            store.store(batch)
    stored = Reading.objects.filter(time=NOW - 5).values_list("number", "text")
    assert list(stored) == [to_columns(values[1])]
    assert replaced() == before + 1
    assert times("a") == [NOW - 9, NOW - 5]


@pytest.mark.django_db(transaction=True)
@pytest.mark.both_databases
@pytest.mark.parametrize("value", [1, 1.25, 0.1 + 0.2, 1e-300, True, "text", "", 2**60])
def test_an_exact_repeat_replaces_nothing(store: ReadingStore, pump: Device, value: Value) -> None:
    before = replaced()
    for _ in range(2):
        store.store([(pump, telemetry(*[Sample("a", value, NOW - i) for i in range(300)]))])
    assert (Reading.objects.count(), replaced()) == (300, before)


@pytest.mark.django_db(transaction=True)
@pytest.mark.both_databases
def test_a_message_that_is_partly_known_stores_what_is_new_and_replaces_what_differs(
    store: ReadingStore, pump: Device
) -> None:
    store.store([(pump, telemetry(*[Sample("a", i, NOW + i) for i in range(300)]))])
    before = replaced()
    store.store([(pump, telemetry(*[Sample("a", i + (i % 3 == 0), NOW + i) for i in range(400)]))])
    assert replaced() == before + 100
    numbers = Reading.objects.order_by("time").values_list("number", flat=True)
    assert list(numbers) == [i + (i % 3 == 0) for i in range(400)]


def test_what_is_new_costs_no_further_statement(
    store: ReadingStore, pump: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telemetry_store, "replace", lambda rows: pytest.fail("nothing was there before"))
    for i in range(3):
        store.store([(pump, telemetry(Sample("a", 1, NOW + i)))])
    assert Reading.objects.count() == 3


def test_samples_without_times_that_arrive_at_the_same_instant_are_all_stored(
    store: ReadingStore, pump: Device
) -> None:
    batch = [(pump, telemetry(Sample("speed", number))) for number in range(100)]
    store.store(batch)
    store.store(batch)
    assert times() == list(range(NOW, NOW + 200))


@pytest.mark.parametrize("count", [1, 14, 16, 239, 240, 241, 617])
def test_a_batch_of_any_size_is_stored_completely(store: ReadingStore, pump: Device, count: int) -> None:
    store.store([(pump, telemetry(*[Sample("speed", number, NOW + number) for number in range(count)]))])
    stored = Reading.objects.order_by("time").values_list("time", "number")
    assert list(stored) == [(NOW + number, number) for number in range(count)]


def test_readings_keep_their_order_when_the_clock_steps_back(store: ReadingStore, pump: Device) -> None:
    store.store([(pump, telemetry(Sample("speed", 1), at=NOW))])
    store.store([(pump, telemetry(Sample("speed", 2), at=NOW - 60_000_000))])
    assert times() == [NOW, NOW + 1]


def test_the_event_holds_what_was_stored(store: ReadingStore, pump: Device) -> None:
    samples = Sample("speed", 21.5), Sample("mode", 'é"<', NOW - 2_000), Sample("speed", True, NOW + 1_000)
    [event] = store.store([(pump, telemetry(*samples))])
    assert isinstance(event, TelemetryStored)
    assert (event.shard, event.received_at) == (groups.shard_of(pump.id), NOW)
    [part] = event.parts
    assert (part.device_id, part.uid) == (pump.id, "pump-1")
    ms = NOW // 1000
    assert json.loads(part.json) == {"speed": [[ms, 21.5], [ms + 1, True]], "mode": [[ms - 2, 'é"<']]}


def test_a_batch_makes_one_event_per_shard_and_one_part_per_device(store: ReadingStore, space: Space) -> None:
    made = [provisioning.create_device(f"node-{number}", space)[0] for number in range(groups.SHARDS * 2)]
    batch = [(device, telemetry(Sample("a", 1))) for device in made] * 3
    events = store.store(batch)
    assert len(events) == len({event.shard for event in events}) == groups.SHARDS
    parts = [part for event in events for part in event.parts]
    assert sorted(part.device_id for part in parts) == sorted(device.id for device in made)
    assert all(len(json.loads(part.json)["a"]) == 3 for part in parts)


def test_an_empty_batch_stores_nothing_and_makes_no_event(store: ReadingStore, pump: Device) -> None:
    assert store.store([]) == []
    assert store.store([(pump, telemetry())]) == []


def test_a_device_has_a_bounded_number_of_metrics(
    store: ReadingStore, pump: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telemetry_store, "MAX_METRICS", 3)
    full = telemetry(Sample("a", 1), Sample("b", 1), Sample("c", 1))
    beyond = telemetry(Sample("d", 1), Sample("a", 1), Sample("d", 2))
    room = store.admissible(pump, telemetry(*full.samples, *beyond.samples), set())
    assert [sample.metric for sample in room.samples] == ["a", "b", "c", "a"]
    store.store([(pump, full)])
    assert store.admissible(pump, full, set()) is full  # known metrics are accepted
    kept = store.admissible(pump, beyond, set())
    assert [sample.metric for sample in kept.samples] == ["a"]
    assert kept.skipped is not None
    assert [(refusal.key, refusal.reason, count) for refusal, count in kept.skipped] == [("d", "too_many_metrics", 2)]


@pytest.mark.django_db(transaction=True)
def test_a_metric_that_was_rolled_back_is_created_again(store: ReadingStore, pump: Device) -> None:
    with transaction.atomic():
        store.store([(pump, telemetry(Sample("speed", 1)))])
        transaction.set_rollback(True)
    store.forget()
    with transaction.atomic():
        store.store([(pump, telemetry(Sample("speed", 2)))])
    assert Reading.objects.get().number == 2


def test_readings_are_deleted_with_their_device(store: ReadingStore, pump: Device) -> None:
    store.store([(pump, telemetry(Sample("speed", 1)))])
    pump.delete()
    assert not Reading.objects.exists()

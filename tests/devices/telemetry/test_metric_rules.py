from __future__ import annotations

import pytest

from devices.models import Device, Metric, Reading
from devices.registry import metrics
from devices.runtime import stats
from devices.telemetry import deleted_metrics
from devices.telemetry.history import history
from devices.telemetry.imports import store as import_samples
from devices.telemetry.latest import latest_values
from devices.telemetry.metric_rules import read
from devices.telemetry.store import ReadingStore
from devices.values import Sample, Telemetry, Value, now_us


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("21.5", 21.5),
        ("21,5", 21.5),
        (" 48\n", 48),
        ("-76 dBm", -76),
        ("20.6 ℃", 20.6),
        ("48%", 48),
        ("3.3V", 3.3),
        ("10 m3", 10),
        ("+1.5e3", 1500.0),
        (".5", 0.5),
        ("9007199254740993", 9007199254740993.0),
        *((text, text) for text in ("", "on", "1,234.5", "1.234,5", "1.234.567", "0x1F", "12:30", "2026-11-30")),
        *((text, text) for text in ("5 10", "1e999", "nan", "unavailable", "10 of 20", "٣", "1" * 100)),
        (True, True),
        (5, 5),
    ],
)
def test_texts_are_read_as_numbers(text: Value, value: Value) -> None:
    found = read(text, "number")
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("value", ["true", "ON", " yes ", "1", 1, 1.0, True])
def test_words_and_numbers_are_read_as_true(value: Value) -> None:
    assert read(value, "boolean") is True


@pytest.mark.parametrize("value", ["False", "off", "NO", "0", 0, 0.0])
def test_words_and_numbers_are_read_as_false(value: Value) -> None:
    assert read(value, "boolean") is False


@pytest.mark.parametrize("value", ["open", "", 2, 0.5])
def test_what_is_neither_stays_as_it_is(value: Value) -> None:
    assert read(value, "boolean") == value


@pytest.fixture
def store() -> ReadingStore:
    return ReadingStore()


def receive(store: ReadingStore, device: Device, **values: Value) -> None:
    """Stores the values as ingest does, which reads the device for each batch."""
    device.refresh_from_db()
    telemetry = Telemetry(tuple(Sample(name, value) for name, value in values.items()), now_us())
    store.store([(device, store.admissible(device, telemetry, set()))])


def newest(device: Device) -> dict[str, Value]:
    return {name: value for name, (_, value) in latest_values([device.id]).get(device.id, {}).items()}


@pytest.mark.both_databases
@pytest.mark.django_db
def test_changes_of_a_metric_count_from_the_next_batch(store: ReadingStore, pump: Device) -> None:
    receive(store, pump, speed="21,5", on="ON", other=1)
    metrics.change(metrics.get(pump, "speed"), name="rpm", read_as="number")
    metrics.change(metrics.get(pump, "on"), read_as="boolean")
    receive(store, pump, speed="21,5", on="ON", other=2)
    assert newest(pump) == {"rpm": 21.5, "on": True, "other": 2}
    assert history(pump, "speed", 0, now_us() + 1, 10)["v"] == ["21,5", 21.5]
    receive(store, pump, rpm="7 1/min")
    assert newest(pump)["rpm"] == "7 1/min"  # its unit has a digit: what cannot be read stays a text
    metrics.change(metrics.get(pump, "rpm"), read_as="")
    receive(store, pump, speed="8")
    assert newest(pump)["rpm"] == "8"


@pytest.mark.both_databases
@pytest.mark.django_db
def test_a_deleted_metric_is_created_anew_and_an_ignored_one_is_not(store: ReadingStore, pump: Device) -> None:
    receive(store, pump, a=1, b=1)
    metrics.delete(metrics.get(pump, "a"))
    ignored = metrics.get(pump, "b")
    metrics.change(ignored, ignored=True)
    before = stats.samples_ignored._value.get()
    receive(store, pump, a=2, b=2)
    assert stats.samples_ignored._value.get() == before + 1
    assert newest(pump) == {"a": 2, "b": 1}
    metrics.delete(ignored)
    receive(store, pump, a=3, b=3)
    assert newest(pump) == {"a": 3}
    metrics.change(metrics.get(pump, "b"), ignored=False)
    receive(store, pump, b=4)
    assert newest(pump) == {"a": 3, "b": 4}


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_what_is_stored_of_deleted_metrics_is_removed(store: ReadingStore, pump: Device) -> None:
    for value in range(5):
        receive(store, pump, a=value, b=value)
    metrics.delete(metrics.get(pump, "a"))
    assert Reading.objects.count() == 10
    while deleted_metrics.remove_deleted():
        pass
    assert list(Metric.objects.values_list("name", flat=True)) == ["b"]
    assert Reading.objects.count() == 5


@pytest.mark.django_db
def test_an_import_knows_the_earlier_names(store: ReadingStore, pump: Device) -> None:
    receive(store, pump, speed=1)
    metrics.change(metrics.get(pump, "speed"), name="rpm")
    pump.refresh_from_db()
    import_samples(pump, [Sample("speed", 5, now_us() - 60_000_000)])
    assert [metric.name for metric in metrics.of_device(pump)] == ["rpm"]
    assert Reading.objects.count() == 2

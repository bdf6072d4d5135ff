"""History of a metric that has not been rolled up: raw readings, or buckets made from them."""

from __future__ import annotations

import pytest

from devices.errors import NotFound
from devices.models import Device, Space
from devices.rooms import provisioning
from devices.telemetry.history import history
from devices.telemetry.store import ReadingStore
from devices.values import Sample, Telemetry, Value, now_us

T0 = 1_700_000_000_000_000
"""Microseconds, on a whole second."""
SECOND = 1_000_000


def store(device: Device, metric: str, values: dict[int, Value]) -> None:
    """Microseconds after T0 -> value."""
    samples = tuple(Sample(metric, value, T0 + after) for after, value in values.items())
    ReadingStore().store([(device, Telemetry(samples, now_us()))])


def test_the_window_begins_with_its_start_and_ends_before_its_end(pump: Device) -> None:
    store(pump, "speed", {-1: 0, 0: 1, 1: 2, SECOND - 1: 3, SECOND: 4})
    assert history(pump, "speed", T0, T0 + SECOND, 100)["v"] == [1, 2, 3]


def test_raw_readings_ascend_and_keep_their_types(pump: Device) -> None:
    store(pump, "mixed", {3000: "open", 0: 21.5, 1000: True, 2000: 2**60, 4000: 40.0})
    assert history(pump, "mixed", T0, T0 + SECOND, 5) == {
        "metric": "mixed",
        "resolution": "raw",
        "t": [T0 // 1000 + after for after in range(5)],
        "v": [21.5, True, 2**60, "open", 40],
    }


def test_readings_that_fit_are_raw_and_one_more_makes_buckets(pump: Device) -> None:
    store(pump, "speed", {second * SECOND: second for second in range(10)})
    assert history(pump, "speed", T0, T0 + 10 * SECOND, 10)["resolution"] == "raw"
    assert history(pump, "speed", T0, T0 + 10 * SECOND, 9)["resolution"] != "raw"


@pytest.mark.parametrize("points", [1, 2, 3, 7, 50, 99])
def test_buckets_count_every_reading_once_and_lose_no_peak(pump: Device, points: int) -> None:
    values: dict[int, Value] = {second * SECOND + second: float(second * 37 % 101) for second in range(100)}
    store(pump, "speed", values)
    found = history(pump, "speed", T0, T0 + 200 * SECOND, points)
    width = int(found["resolution"].removesuffix("s"))
    assert sum(found["count"]) == 100
    assert (min(found["min"]), max(found["max"])) == (min(values.values()), max(values.values()))
    total = sum(mean * count for mean, count in zip(found["mean"], found["count"], strict=True))
    assert total == pytest.approx(sum(float(value) for value in values.values()))
    assert len(found["t"]) <= points + 1  # buckets begin at whole multiples of the width, so there may be one more
    assert found["t"] == sorted(set(found["t"]))
    assert all(start % (width * 1000) == 0 for start in found["t"])
    assert {len(found[column]) for column in ("t", "min", "max", "mean", "count")} == {len(found["t"])}  # type: ignore[literal-required]


def test_a_reading_belongs_to_the_bucket_of_its_time(pump: Device) -> None:
    """Integer division on both databases: a double would put the last microsecond into the next bucket."""
    store(pump, "speed", {0: 1.0, SECOND - 1: 2.0, SECOND: 3.0})
    found = history(pump, "speed", T0, T0 + 2 * SECOND, 2)
    assert (found["t"], found["min"], found["max"], found["count"]) == (
        [T0 // 1000, T0 // 1000 + 1000],
        [1.0, 3.0],
        [2.0, 3.0],
        [2, 1],
    )


def test_a_second_request_gets_the_same_buckets(pump: Device) -> None:
    """After a reconnect a chart joins the buckets it requests to those it has."""
    store(pump, "speed", {second * SECOND: second for second in range(100)})
    first = history(pump, "speed", T0, T0 + 50 * SECOND, 10)
    second = history(pump, "speed", T0 + 25 * SECOND, T0 + 75 * SECOND, 10)
    assert first["resolution"] == second["resolution"] == "5s"
    both = set(first["t"]) & set(second["t"])
    assert len(both) == 5
    for start in both:
        assert first["mean"][first["t"].index(start)] == second["mean"][second["t"].index(start)]


def test_text_is_raw_and_the_newest_values_are_returned(pump: Device) -> None:
    store(pump, "mode", {second * SECOND: f"mode {second}" for second in range(10)})
    found = history(pump, "mode", T0, T0 + 10 * SECOND, 3)
    assert (found["resolution"], found["v"]) == ("raw", ["mode 7", "mode 8", "mode 9"])
    assert history(pump, "mode", T0, T0 + 10 * SECOND, 1)["v"] == ["mode 9"]


def test_the_mean_of_a_switch_is_the_share_of_readings_that_are_on(pump: Device) -> None:
    store(pump, "on", {second * SECOND: second % 5 == 0 for second in range(10)})
    found = history(pump, "on", T0, T0 + 10 * SECOND, 2)
    assert (found["min"], found["max"], found["mean"]) == ([0, 0], [1, 1], [0.2, 0.2])


def test_text_among_numbers_is_left_out_of_buckets(pump: Device) -> None:
    store(pump, "speed", {0: 1.0, SECOND: "fault", 2 * SECOND: 3.0})
    assert sum(history(pump, "speed", T0, T0 + 3 * SECOND, 1)["count"]) == 2


def test_an_empty_window_is_raw_and_empty(pump: Device) -> None:
    store(pump, "speed", {0: 1})
    assert history(pump, "speed", T0 + 1, T0 + SECOND, 10) == {"metric": "speed", "resolution": "raw", "t": [], "v": []}


@pytest.mark.parametrize("metric", ["pressure", "Speed", "", "speed\0", "x" * 10_000])
def test_an_unknown_metric_is_not_found(pump: Device, metric: str) -> None:
    store(pump, "speed", {0: 1})
    with pytest.raises(NotFound):
        history(pump, metric, T0, T0 + SECOND, 10)


def test_metrics_of_the_same_name_are_separate(pump: Device, space: Space) -> None:
    other, _ = provisioning.create_device("pump-2", space)
    store(pump, "speed", {0: 1})
    store(other, "speed", {0: 2})
    assert history(pump, "speed", T0, T0 + 1, 10)["v"] == [1]
    assert history(other, "speed", T0, T0 + 1, 10)["v"] == [2]

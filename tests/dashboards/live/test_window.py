from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from dashboards.live.frames import SharedTelemetry
from dashboards.live.window import MAX_BYTES, MAX_FRAMES, Window
from devices.channel.events import EncodedReadings


class Source:
    """Makes frames with running numbers, as the relay does."""

    def __init__(self) -> None:
        numbers = itertools.count(1)
        self.number = lambda: next(numbers)
        self.window = Window(self.number)

    def offer(self, *points: list[Any], device: int = 1, metric: str = "a") -> str | None:
        part = EncodedReadings(device, f"pump-{device}", json.dumps({metric: points}))
        released = self.window.offer(SharedTelemetry(self.number(), [part]))
        return released.text if released else None

    def acknowledge(self, n: int) -> str | None:
        released = self.window.acknowledge(n)
        return released.text if released else None

    def fill(self) -> None:
        for time in range(MAX_FRAMES):
            assert self.offer([time, 0]) is not None


@pytest.fixture
def source() -> Source:
    return Source()


def test_it_lets_32_frames_out_unacknowledged(source: Source) -> None:
    source.fill()
    assert source.offer([100, 1]) is None
    assert source.window.unacknowledged[0] == MAX_FRAMES


def test_it_lets_a_mebibyte_out_unacknowledged(source: Source) -> None:
    text = "x" * (MAX_BYTES // 3)
    assert source.offer([1, text]) is not None
    assert source.offer([2, text]) is not None
    assert source.offer([3, text]) is None
    assert source.window.unacknowledged[1] <= MAX_BYTES


def test_a_single_frame_may_be_larger(source: Source) -> None:
    assert source.offer([1, "x" * (2 * MAX_BYTES)]) is not None
    assert source.offer([2, 0]) is None


def test_sizes_are_bytes_and_not_characters(source: Source) -> None:
    source.offer([1, "€"])
    text = source.acknowledge(0)
    assert text is None
    frame = SharedTelemetry(2, [EncodedReadings(1, "p", '{"a":[[1,"€"]]}')])
    assert frame.size == len(frame.text.encode())


def test_past_the_window_the_newest_value_of_each_metric_is_kept_and_the_rest_counted(source: Source) -> None:
    source.fill()
    source.offer([100, 1], [101, 2])
    source.offer([102, 3])
    source.offer([102, 9], metric="b")
    source.offer([103, 4], device=2)
    assert source.window.kept == 3
    text = source.acknowledge(MAX_FRAMES)
    assert text is not None
    frame = json.loads(text)
    assert frame == {
        "type": "telemetry",
        "n": MAX_FRAMES + 5,
        "dropped": 2,
        "devices": {"pump-1": {"a": [[102, 3]], "b": [[102, 9]]}, "pump-2": {"a": [[103, 4]]}},
    }
    assert source.window.kept == 0


def test_the_newest_value_is_the_one_with_the_latest_time_and_of_equal_times_the_last(source: Source) -> None:
    source.fill()
    source.offer([200, "late"])
    source.offer([100, "older, came later"])
    source.offer([200, "corrected"])
    text = source.acknowledge(MAX_FRAMES)
    assert text is not None
    assert json.loads(text)["devices"]["pump-1"]["a"] == [[200, "corrected"]]
    assert json.loads(text)["dropped"] == 2


def test_an_ack_releases_all_frames_up_to_its_number(source: Source) -> None:
    source.fill()
    source.window.acknowledge(MAX_FRAMES - 2)
    assert source.window.unacknowledged[0] == 2
    source.window.acknowledge(MAX_FRAMES - 2)
    source.window.acknowledge(1)
    assert source.window.unacknowledged[0] == 2
    source.window.acknowledge(10**9)
    assert source.window.unacknowledged == (0, 0)


def test_nothing_overtakes_values_that_are_kept_back(source: Source) -> None:
    source.fill()
    source.offer([100, 1])
    source.window._in_flight.clear()  # room again, but no ack has released the kept values
    assert source.offer([101, 2]) is None
    text = source.acknowledge(0)
    assert text is not None
    assert json.loads(text)["devices"]["pump-1"]["a"] == [[101, 2]]


def test_a_viewer_that_never_reads_costs_no_more_than_its_metrics(source: Source) -> None:
    source.fill()
    for time in range(10_000):
        source.offer([time, time], metric=f"m{time % 20}")
    assert source.window.kept == 20
    assert source.window.unacknowledged[0] == MAX_FRAMES


def test_values_of_a_device_that_is_no_longer_watched_are_dropped(source: Source) -> None:
    source.fill()
    source.offer([100, 1])
    source.offer([100, 1], device=2)
    source.window.keep_only({2})
    text = source.acknowledge(MAX_FRAMES)
    assert text is not None
    assert set(json.loads(text)["devices"]) == {"pump-2"}


def test_a_frame_is_decoded_once_for_all_viewers_that_are_behind() -> None:
    frame = SharedTelemetry(1, [EncodedReadings(1, "pump-1", '{"a":[[1,2]]}')])
    assert frame.values is frame.values

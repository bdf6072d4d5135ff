"""Flow control of telemetry: how far the hub runs ahead of what a viewer has acknowledged."""

from __future__ import annotations

from collections.abc import Callable, Container

from dashboards.live import frames
from dashboards.live.frames import Point, SharedTelemetry, TelemetryFrame
from devices.runtime import stats

MAX_FRAMES = 32
MAX_BYTES = 1024 * 1024
"""While so much is unacknowledged, telemetry is merged and not sent. A single frame may be larger."""


class Window:
    """The telemetry that one connection has not acknowledged, and what is kept back for it.

    Kept back is the newest value of each metric, so a viewer that never reads costs no more than the metrics that it
    watches (500 of a device at most), however long that lasts. The values merged away are counted in `dropped`.
    """

    __slots__ = ("_bytes", "_dropped", "_in_flight", "_kept", "_number", "_uids")

    def __init__(self, number: Callable[[], int]) -> None:
        """`number` gives the next running number for a frame of the window's own."""
        self._number = number
        self._in_flight: list[tuple[int, int]] = []  # `MAX_FRAMES` at most; an idle deque is ten times as large
        self._bytes = 0
        self._kept: dict[int, dict[str, Point]] = {}
        self._uids: dict[int, str] = {}
        self._dropped = 0

    def offer(self, frame: SharedTelemetry) -> TelemetryFrame | None:
        """Returns the frame to send, or `None` where it is kept back."""
        if self._kept or not self._has_room(frame.size):
            self._merge(frame)
            return None
        self._enter(frame)
        return frame

    def acknowledge(self, n: int) -> TelemetryFrame | None:
        """Releases all frames up to `n`; returns the frame to send where there is room now for what was kept back."""
        while self._in_flight and self._in_flight[0][0] <= n:
            self._bytes -= self._in_flight.pop(0)[1]
        if not self._kept or not self._has_room(0):
            return None
        devices = {
            self._uids[device]: {metric: [point] for metric, point in points.items()}
            for device, points in self._kept.items()
        }
        frame = frames.merged(self._number(), self._dropped, devices)
        self._kept, self._uids, self._dropped = {}, {}, 0
        self._enter(frame)
        return frame

    def keep_only(self, devices: Container[int]) -> None:
        """Drops what is kept back of other devices, which are no longer watched."""
        self._kept = {device: points for device, points in self._kept.items() if device in devices}

    @property
    def unacknowledged(self) -> tuple[int, int]:
        """Frames and bytes on their way."""
        return len(self._in_flight), self._bytes

    @property
    def kept(self) -> int:
        """How many values are kept back."""
        return sum(len(points) for points in self._kept.values())

    def _has_room(self, size: int) -> bool:
        if not self._in_flight:
            return True
        return len(self._in_flight) < MAX_FRAMES and self._bytes + size <= MAX_BYTES

    def _enter(self, frame: TelemetryFrame) -> None:
        self._in_flight.append((frame.n, frame.size))
        self._bytes += frame.size

    def _merge(self, frame: SharedTelemetry) -> None:
        before = self._dropped
        self._uids.update(frame.uids)
        for device, metrics in frame.values.items():
            kept = self._kept.setdefault(device, {})
            for metric, points in metrics.items():
                candidates = [kept[metric], *points] if metric in kept else points
                kept[metric] = _newest(candidates)
                self._dropped += len(candidates) - 1
        stats.frames_kept_back.inc()
        stats.readings_merged.inc(self._dropped - before)


def _newest(points: list[Point]) -> Point:
    """Returns the point with the latest time; of several with one time, the one that came last."""
    newest = points[0]
    for point in points:
        if point[0] >= newest[0]:
            newest = point
    return newest

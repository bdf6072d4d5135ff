"""Measurements that a device has not sent yet."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import msgspec

from bridges.simulator.physics.model import Readings

BACKLOG_LIMIT = 600
"""Measurements a device keeps while it is offline: ten minutes at one a second. Past it the oldest are dropped and
counted."""
LIST_LIMIT = 50
"""Measurements in one message when many are waiting: some 15 KB, well below the hub's limit of 128 KiB."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """`ts` is in milliseconds since 1970 UTC. `live`: measured while connected, so it is sent at once."""

    ts: int
    values: Readings
    live: bool


class Backlog:
    """First in, first out, at most `BACKLOG_LIMIT`."""

    def __init__(self, timestamps: bool = True) -> None:
        self._timestamps = timestamps
        self._waiting: deque[Measurement] = deque()
        self._last_ts = 0
        self.dropped = 0
        """Measurements dropped since the start."""

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, ts: int, values: Readings, live: bool) -> None:
        """Adds a measurement at `ts`, or a millisecond after the last one if that is later.

        The hub keeps one value per metric and time, so a second measurement in the same millisecond would be lost.
        """
        self._last_ts = max(ts, self._last_ts + 1)
        if len(self._waiting) == BACKLOG_LIMIT:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(Measurement(self._last_ts, values, live))

    def pop_payload(self) -> bytes:
        """Removes the oldest measurements and returns them as the next payload for the telemetry topic.

        An object, or a list if more than one is waiting. A device without timestamps sends plain values, except for
        measurements that had to wait: without their time the hub would store them at the time of receipt.
        """
        batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), LIST_LIMIT))]
        if len(batch) > 1:
            return msgspec.json.encode([_stamped(measurement) for measurement in batch])
        (single,) = batch
        plain = single.live and not self._timestamps
        return msgspec.json.encode(single.values if plain else _stamped(single))


def _stamped(measurement: Measurement) -> dict[str, object]:
    return {"ts": measurement.ts, "values": measurement.values}

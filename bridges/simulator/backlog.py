"""What a device has measured and not yet sent."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import msgspec

from bridges.simulator.physics.model import Readings

BACKLOG_LIMIT = 600
"""Measurements a device keeps while it is offline: ten minutes at one a second. The oldest give way, counted."""
LIST_LIMIT = 50
"""Measurements in one message when many are waiting; some 15 KB, far from the hub's limit of 128 KB."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """`ts` is in milliseconds since 1970 UTC. `live`: measured while connected, so it goes out at once."""

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
        """How many measurements were given up, ever."""

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, ts: int, values: Readings, live: bool) -> None:
        """Keep a measurement of `ts`, or of a millisecond later than the last one.

        Two of one metric in the same millisecond would be one to the hub, and the second would vanish.
        """
        self._last_ts = max(ts, self._last_ts + 1)
        if len(self._waiting) == BACKLOG_LIMIT:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(Measurement(self._last_ts, values, live))

    def take(self) -> bytes:
        """The next message for the telemetry topic; the oldest measurements leave the backlog with it.

        An object, or a list where more than one is waiting. A device without timestamps sends its plain values,
        except for what had to wait: that carries its time all the same, else it would land in the present.
        """
        batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), LIST_LIMIT))]
        if len(batch) > 1:
            return msgspec.json.encode([_stamped(measurement) for measurement in batch])
        (single,) = batch
        plain = single.live and not self._timestamps
        return msgspec.json.encode(single.values if plain else _stamped(single))


def _stamped(measurement: Measurement) -> dict[str, object]:
    return {"ts": measurement.ts, "values": measurement.values}

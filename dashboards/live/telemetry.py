"""Readings on their way to the connections: gathered for a moment, then one frame for each audience."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from dashboards.live import pushes
from dashboards.live.audiences import Audience, Audiences
from dashboards.live.frames import SharedTelemetry
from devices.channel.events import EncodedReadings, TelemetryStored
from devices.runtime import stats
from devices.values import now_us

GAP_S, MAX_GAP_S = 0.01, 0.1
"""Least pause between two frames. After a lull the first leaves at once; under load the pause is twice what it took to
write the last one to everybody, so that writing takes half of the process's time at most. 100 frames a second leave a
viewer a third of a second to acknowledge before its window is full."""


class TelemetryFanout:
    def __init__(self, audiences: Audiences, number: Callable[[], int]) -> None:
        """`number` gives the running numbers of the frames."""
        self._audiences = audiences
        self._number = number
        self._pending: dict[int, list[EncodedReadings]] = {}
        self._oldest = 0
        self._flushed_at = 0.0
        self._gap_s = GAP_S

    def add(self, event: TelemetryStored) -> None:
        """Adds readings to the next frame: a batch of the bridge comes as an event for each shard."""
        if not self._pending:
            asyncio.get_running_loop().call_at(self._flushed_at + self._gap_s, self.flush)
        if event.received_at:
            self._oldest = min(self._oldest or event.received_at, event.received_at)
        for part in event.parts:
            self._pending.setdefault(part.device_id, []).append(part)

    def holds(self, device_id: int) -> bool:
        """Whether readings of the device wait for the next frame."""
        return device_id in self._pending

    def flush(self) -> None:
        """Sends what has been gathered."""
        if not self._pending:
            return
        pending, self._pending = self._pending, {}
        oldest, self._oldest = self._oldest, 0
        loop = asyncio.get_running_loop()
        self._flushed_at = loop.time()
        parts_of = self._by_audience(pending)
        for audience, parts in parts_of.items():
            frame = SharedTelemetry(self._number(), parts)
            for connection in tuple(audience.connections):
                connection.telemetry(frame)
        # After the writers that have been woken just now.
        loop.call_soon(self._written, oldest if parts_of else 0)

    def _by_audience(self, pending: dict[int, list[EncodedReadings]]) -> dict[Audience, list[EncodedReadings]]:
        parts_of: dict[Audience, list[EncodedReadings]] = {}
        for device_id, parts in pending.items():
            audiences = self._audiences.of(device_id)
            if audiences:
                part = parts[0] if len(parts) == 1 else pushes.concatenate(parts)
                for audience in audiences:
                    parts_of.setdefault(audience, []).append(part)
        return parts_of

    def _written(self, oldest: int) -> None:
        """`oldest`: receipt of the oldest message of which something was written; 0: nothing was, or it is unknown."""
        if oldest:  # the bridge's clock may be ahead of ours
            stats.frame_lag.observe(max(0, now_us() - oldest) / 1_000_000)
        took_s = asyncio.get_running_loop().time() - self._flushed_at
        self._gap_s = min(max(GAP_S, 2 * took_s), MAX_GAP_S)

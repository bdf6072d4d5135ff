"""A clock that is set back and forward loses no reading and stops nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.eventually import eventually
from tests.support.servers import Bridge
from tests.support.soak import usually
from tests.support.stack import Stack

STEP = usually(250, soak=500)
PER_SECOND = 500
HOUR_S = 3600
_LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)


class ShiftedBridge(Bridge):
    """A bridge whose clock can be moved by `shift`; its monotonic clock is not affected."""

    def environment(self) -> dict[str, str]:
        assert _LIBRARY is not None
        self._offset = self.folder / "clock"
        self.shift(0)
        return super().environment() | {
            "LD_PRELOAD": str(_LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self._offset),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def shift(self, seconds: int) -> None:
        fresh = self._offset.with_suffix(".new")
        fresh.write_text(f"{seconds:+d}\n")
        os.replace(fresh, self._offset)  # so that it is never read half written


@pytest.mark.skipif(_LIBRARY is None, reason="libfaketime is not installed")
def test_a_clock_set_back_and_forward_an_hour_loses_no_reading(tmp_path: Path) -> None:
    """The readings have the time of receipt. The rate limit of a device is on and uses the same clock."""
    stack = Stack(tmp_path, DEVICE_RATE_LIMIT="1000")
    bridge = stack.bridge = ShiftedBridge(tmp_path, stack.settings)
    with stack:
        before = _newest(stack)
        publisher = stack.publisher(5 * STEP, per_second=PER_SECOND, own_times=False)
        for step, shift_s in enumerate((-HOUR_S, 0, HOUR_S, 0), start=1):
            expected = {(publisher.uid, i) for i in range(step * STEP)}
            stack.wait_until_stored(expected)
            bridge.shift(shift_s)
        stack.check(publisher)
        assert stack.stored() == [(publisher.uid, i) for i in range(5 * STEP)]  # in time order, as they came
        # In the fourth fifth the clock was an hour ahead, so the times came from this clock.
        assert _newest(stack) - before > (HOUR_S - 60) * 1_000_000


@pytest.mark.skipif(_LIBRARY is None, reason="libfaketime is not installed")
def test_a_bridge_reconnects_to_its_broker_although_its_clock_changes(tmp_path: Path) -> None:
    stack = Stack(tmp_path)
    bridge = stack.bridge = ShiftedBridge(tmp_path, stack.settings)
    with stack:
        for shift_s in (-HOUR_S, HOUR_S):
            seen = len(bridge.output)
            stack.mosquitto.stop()
            eventually(lambda seen=seen: "no inbound session" in bridge.output[seen:])
            bridge.shift(shift_s)
            stack.mosquitto.start()
            bridge.wait_for(bridge.READY, seen)
        stack.check(stack.publisher(STEP))


def _newest(stack: Stack) -> int:
    """The time of the newest reading, in microseconds."""
    return int(stack.rows("SELECT COALESCE(MAX(time), 0) FROM devices_reading")[0][0])

"""Devices that change their availability too often."""

from __future__ import annotations

from itertools import pairwise

import pytest

from devices.availability.checks import report_flapping
from devices.availability.flapping import REPORT_EVERY_US
from devices.models import Device
from tests.devices.availability.reporting import NOW, OFFLINE, ONLINE, S, history, room_says, say, state, viewers_hear


def flap(device: Device, changes: int, start: int, every: int) -> list[tuple[str, int]]:
    """What viewers are told of so many changes, with the check of a worker each second: (status, second)."""
    told = []
    due = start
    for moment in range(start, start + changes * every + 30 * S, S):
        while due <= moment and changes:
            changes -= 1
            status = ONLINE if changes % 2 else OFFLINE
            told += [(event.status, (moment - start) // S) for event in say(device, status, due)]
            due += every
        told += [(event.status, (moment - start) // S) for event in viewers_hear(report_flapping(moment))]
    return told


@pytest.mark.parametrize("changes", [40, 41, 50, 53])
def test_of_a_flapping_device_viewers_hear_at_intervals_and_the_last_state(pump: Device, changes: int) -> None:
    told = flap(pump, changes, NOW, 2 * S)
    damped = told[6:]
    assert all(after[1] - before[1] >= REPORT_EVERY_US // S - 1 for before, after in pairwise(damped))
    assert len(told) <= 6 + changes * 2 // 10 + 2
    assert told[-1][0] == "offline" == state(pump)[0]
    assert report_flapping(NOW + 3000 * S) == []


def test_the_room_of_a_flapping_device_says_what_viewers_hear(pump: Device) -> None:
    told = flap(pump, 40, NOW, 2 * S)
    assert room_says(pump)[-1] == "offline"
    assert len(room_says(pump)) <= len(told)


def test_history_of_a_flapping_device_is_merged(pump: Device) -> None:
    flap(pump, 40, NOW, 2 * S)
    rows = history(pump)
    assert len(rows) == 6
    assert sum(count for _, _, count in rows) == 40
    assert rows[-1] == ("offline", 78, 35)
    say(pump, ONLINE, NOW + 200 * S)  # a quiet minute later it does not flap any more
    assert history(pump)[-1] == ("online", 200, 1)

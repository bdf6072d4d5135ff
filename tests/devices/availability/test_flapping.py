"""Devices that change their availability too often."""

from __future__ import annotations

from itertools import pairwise

import pytest

from devices.availability.checks import report_flapping
from devices.availability.flapping import REPORT_EVERY_US
from devices.models import Device
from tests.devices.availability.reporting import (
    NOW,
    OFFLINE,
    ONLINE,
    S,
    announced,
    history,
    report,
    state,
    statuses_in_room,
)


def flap(device: Device, changes: int, start: int, every: int) -> list[tuple[str, int]]:
    """The announcements, as (status, second), of so many changes while a worker checks once a second."""
    announcements = []
    due = start
    for moment in range(start, start + changes * every + 30 * S, S):
        while due <= moment and changes:
            changes -= 1
            status = ONLINE if changes % 2 else OFFLINE
            announcements += [(event.status, (moment - start) // S) for event in report(device, status, due)]
            due += every
        announcements += [(event.status, (moment - start) // S) for event in announced(report_flapping(moment))]
    return announcements


@pytest.mark.parametrize("changes", [40, 41, 50, 53])
def test_a_flapping_device_is_announced_at_intervals_and_in_its_last_state(pump: Device, changes: int) -> None:
    announcements = flap(pump, changes, NOW, 2 * S)
    damped = announcements[6:]
    assert all(after[1] - before[1] >= REPORT_EVERY_US // S - 1 for before, after in pairwise(damped))
    assert len(announcements) <= 6 + changes * 2 // 10 + 2
    assert announcements[-1][0] == "offline" == state(pump)[0]
    assert report_flapping(NOW + 3000 * S) == []


def test_the_room_of_a_flapping_device_logs_no_more_than_viewers_see(pump: Device) -> None:
    announcements = flap(pump, 40, NOW, 2 * S)
    assert statuses_in_room(pump)[-1] == "offline"
    assert len(statuses_in_room(pump)) <= len(announcements)


def test_the_history_of_a_flapping_device_is_merged(pump: Device) -> None:
    flap(pump, 40, NOW, 2 * S)
    rows = history(pump)
    assert len(rows) == 6
    assert sum(count for _, _, count in rows) == 40
    assert rows[-1] == ("offline", 78, 35)
    report(pump, ONLINE, NOW + 200 * S)  # it no longer flaps after a minute without changes
    assert history(pump)[-1] == ("online", 200, 1)

"""The periodic checks: which devices become stale, and what two workers do that notice the same."""

from __future__ import annotations

import pytest

from devices.availability import checks
from devices.availability.checks import find_stale, report_flapping
from devices.availability.silence import FIRST_LIMIT_US, MAX_LIMIT_US, MIN_LIMIT_US, WRITE_EVERY_US, record_listening
from devices.channel.events import AvailabilityChanged
from devices.models import Device, Watermark
from devices.values import Availability
from tests.devices.availability.reporting import (
    NOW,
    OFFLINE,
    ONLINE,
    STALE,
    UNKNOWN,
    S,
    announced,
    history,
    listen,
    report,
    state,
)


@pytest.mark.parametrize(
    ("gap_ms", "set_s", "limit_us"),
    [
        (0, None, FIRST_LIMIT_US),
        (1_000, None, MIN_LIMIT_US),
        (3_600_000, None, 3 * 3_600 * S),
        (86_400_000, None, MAX_LIMIT_US),
        (1_000, 7, 7 * S),
    ],
)
def test_a_device_becomes_stale_once_it_is_silent_for_longer_than_its_limit(
    pump: Device, gap_ms: int, set_s: int | None, limit_us: int
) -> None:
    Device.objects.update(availability=ONLINE, heard_at=NOW, usual_gap_ms=gap_ms, stale_after_s=set_s)
    end = NOW + limit_us + WRITE_EVERY_US
    listen(NOW - S, NOW - S)
    # Recording a contact every 20 s of up to a day would only cost time.
    Watermark.objects.filter(name="listening").update(time=end)
    assert find_stale(end) == []
    assert announced(find_stale(end + 1)) == [AvailabilityChanged(pump.id, "pump-1", "stale", NOW)]
    assert find_stale(end + 2) == []
    assert state(pump) == ("stale", NOW)
    assert history(pump) == [("stale", 0, 1)]


@pytest.mark.parametrize("before", [OFFLINE, UNKNOWN, STALE])
def test_only_an_online_device_becomes_stale(pump: Device, before: Availability) -> None:
    Device.objects.update(availability=before, heard_at=NOW)
    record_listening(NOW)
    listen(NOW, NOW + 1000 * S)
    assert find_stale(NOW + 1000 * S) == []


def test_no_device_becomes_stale_while_no_bridge_is_connected(pump: Device) -> None:
    Device.objects.update(availability=ONLINE, heard_at=NOW)
    assert find_stale(NOW + 1000 * S) == []
    listen(NOW, NOW + 20 * S)
    assert find_stale(NOW + 1000 * S) == []


def test_after_an_outage_of_the_hub_silence_is_counted_anew(pump: Device) -> None:
    Device.objects.update(availability=ONLINE, heard_at=NOW, usual_gap_ms=1000)
    listen(NOW, NOW + 20 * S)
    back = NOW + 5000 * S
    listen(back, back + 71 * S)
    assert find_stale(back + 70 * S) == []
    assert find_stale(back + 71 * S) != []


def test_a_contact_time_in_the_future_does_not_keep_a_device_from_becoming_stale(pump: Device) -> None:
    Device.objects.update(availability=ONLINE, heard_at=NOW + 10**6 * S, usual_gap_ms=1000)
    record_listening(NOW + 10**6 * S)  # the clock was ahead by days
    listen(NOW, NOW + 80 * S)
    assert find_stale(NOW) == []
    assert find_stale(NOW + 80 * S) != []


def test_two_workers_announce_a_stale_device_only_once(pump: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have found the device silent; the second gets the lock only after the first has announced it."""
    Device.objects.update(availability=ONLINE, heard_at=NOW, usual_gap_ms=1000)
    listen(NOW, NOW + 80 * S)
    lock = checks.lock

    def late(ids: list[int]) -> list[Device]:
        monkeypatch.setattr(checks, "lock", lock)
        assert len(announced(find_stale(NOW + 80 * S))) == 1
        return lock(ids)

    monkeypatch.setattr(checks, "lock", late)
    assert find_stale(NOW + 80 * S) == []
    assert history(pump) == [("stale", 0, 1)]


def test_the_state_of_a_flapping_device_is_reported_only_once(pump: Device) -> None:
    for i in range(12):
        report(pump, OFFLINE if i % 2 else ONLINE, NOW + i * S)
    at = NOW + 40 * S
    assert [event.status for event in announced(report_flapping(at))] == ["offline"]
    assert report_flapping(at) == []

from __future__ import annotations

from devices.availability.history import KEPT_US, MAX_KEPT, trim
from devices.models import AvailabilityChange, Device
from tests.devices.availability.reporting import NOW, OFFLINE, ONLINE


def test_the_oldest_history_is_trimmed_by_age_and_number(pump: Device) -> None:
    rows = [AvailabilityChange(device=pump, status=ONLINE, at=NOW + i) for i in range(MAX_KEPT + 5)]
    AvailabilityChange.objects.bulk_create([AvailabilityChange(device=pump, status=OFFLINE, at=NOW - KEPT_US), *rows])
    while trim(NOW + 1):
        pass
    kept = pump.availability_changes.order_by("at")
    assert (kept.count(), kept.first().at) == (MAX_KEPT, NOW + 5)  # type: ignore[union-attr]

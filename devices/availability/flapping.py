"""Devices that change their availability too often. Judged by the history, so that all processes agree."""

from __future__ import annotations

from devices.availability.models import AvailabilityChange
from devices.registry.models import Device

FLAPPING_CHANGES = 6
FLAPPING_US = 60_000_000
"""A device with `FLAPPING_CHANGES` changes within this time flaps, until as much time has passed without a change."""
REPORT_EVERY_US = 10_000_000
"""How often viewers are notified of a device that flaps."""


def is_flapping(device: Device, now: int) -> bool:
    """Whether the device changes so often that viewers are notified only at intervals."""
    lately = AvailabilityChange.objects.filter(device=device, at__gt=now - FLAPPING_US, at__lt=now + FLAPPING_US)
    return sum(lately.values_list("count", flat=True)) >= FLAPPING_CHANGES


def among(device_ids: list[int], now: int) -> dict[int, AvailabilityChange]:
    """The flapping ones among locked devices: device id -> newest row of its history."""
    rows = AvailabilityChange.objects.filter(
        device__in=device_ids, at__gt=now - FLAPPING_US, at__lt=now + FLAPPING_US
    ).order_by("at", "id")
    newest: dict[int, AvailabilityChange] = {}
    changes: dict[int, int] = {}
    for row in rows:
        newest[row.device_id] = row
        changes[row.device_id] = changes.get(row.device_id, 0) + row.count
    return {id: row for id, row in newest.items() if changes[id] >= FLAPPING_CHANGES}

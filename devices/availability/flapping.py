"""Devices that change their availability too often. Read from the history, so it is the same for all processes."""

from __future__ import annotations

from devices.availability.models import AvailabilityChange
from devices.registry.models import Device

FLAPPING_CHANGES = 6
FLAPPING_US = 60_000_000
"""A device that changes `FLAPPING_CHANGES` times within this flaps, until so long has passed without a change."""

TELL_EVERY_US = 10_000_000
"""How often viewers are told of a device that flaps."""


def is_flapping(device: Device, now: int) -> bool:
    """Whether the device changes too often: viewers are told of it at intervals then."""
    lately = AvailabilityChange.objects.filter(device=device, at__gt=now - FLAPPING_US, at__lt=now + FLAPPING_US)
    return sum(lately.values_list("count", flat=True)) >= FLAPPING_CHANGES


def among(device_ids: list[int], now: int) -> dict[int, AvailabilityChange]:
    """Device id -> newest row of history, of those among the locked devices that change too often."""
    rows = AvailabilityChange.objects.filter(
        device__in=device_ids, at__gt=now - FLAPPING_US, at__lt=now + FLAPPING_US
    ).order_by("at", "id")
    newest: dict[int, AvailabilityChange] = {}
    changes: dict[int, int] = {}
    for row in rows:
        newest[row.device_id] = row
        changes[row.device_id] = changes.get(row.device_id, 0) + row.count
    return {id: row for id, row in newest.items() if changes[id] >= FLAPPING_CHANGES}

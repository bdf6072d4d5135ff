"""The history of availability: reading it, and deleting what is too old."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Count

from devices.availability.flapping import is_flapping
from devices.availability.models import AvailabilityChange
from devices.registry.models import Device

MAX_ROWS = 1_000
"""Changes that `history` returns at most: the newest ones."""
KEPT_US = 400 * 86_400_000_000
"""How long the history is kept."""
MAX_KEPT = 1_000
"""Rows of history that are kept for one device."""
MAX_DELETED = 2_000
"""Rows that one step deletes at most."""


def history(device: Device, start: int, end: int, now: int) -> dict[str, Any]:
    """The device's changes from `start` to before `end`, oldest first, as the HTTP API and pages show them.

    The first is the one in force at `start`. Times are microseconds in, milliseconds out.
    """
    rows = device.availability_changes.order_by("-at", "-id")
    before = rows.filter(at__lt=start).first()
    found = [*rows.filter(at__gte=start, at__lt=end)[:MAX_ROWS], *([before] if before else [])]
    return {
        "items": [{"status": row.status, "at": row.at // 1000, "count": row.count} for row in reversed(found)],
        "flapping": is_flapping(device, now),
    }


def trim(now: int) -> bool:
    """Deletes some rows of history that are too old or too many; whether there are more to delete."""
    old = AvailabilityChange.objects.filter(at__lt=now - KEPT_US).order_by().values_list("id", flat=True)
    deleted = _delete(old[:MAX_DELETED])
    crowded = AvailabilityChange.objects.order_by().values("device").annotate(n=Count("id")).filter(n__gt=MAX_KEPT)
    for device in crowded.values_list("device", flat=True)[:10]:
        rows = AvailabilityChange.objects.filter(device=device).order_by("-at", "-id").values_list("id", flat=True)
        deleted += _delete(rows[MAX_KEPT : MAX_KEPT + MAX_DELETED])
    return deleted > 0


def _delete(ids: Iterable[int]) -> int:
    return AvailabilityChange.objects.filter(id__in=list(ids)).delete()[0]

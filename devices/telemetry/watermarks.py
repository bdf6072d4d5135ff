"""How far the rollups have come."""

from __future__ import annotations

from django.db.models import Min

from devices.telemetry.models import LateHour, Watermark

CLOSED = "closed"
"""Watermark: a reading that is older and comes now marks its hour as late."""
ROLLED = "rollups"
"""Watermark: what is older has been rolled up, but for the hours that are marked as late."""


def watermark(name: str) -> int:
    """Microseconds; 0 where nothing has been worked through yet."""
    return Watermark.objects.filter(name=name).values_list("time", flat=True).first() or 0


def settled_until() -> int:
    """Readings before this time (microseconds) are no longer needed to make rollups right."""
    late = LateHour.objects.aggregate(oldest=Min("start"))["oldest"]
    rolled = watermark(ROLLED)
    return rolled if late is None else min(rolled, late)

"""How far the rollups have come, in microseconds, and up to where readings are final."""

from __future__ import annotations

from django.db import connection
from django.db.models import Min

from devices.telemetry.models import LateHour, Watermark

CLOSED = "closed"
"""Watermark: an older reading that is stored from now on marks its hour as late."""
ROLLED = "rollups"
"""Watermark: everything before it has been rolled up, except for the hours that are marked as late."""


def watermark(name: str) -> int:
    """The watermark's time in microseconds; 0 before the first step of the rollup job."""
    return Watermark.objects.filter(name=name).values_list("time", flat=True).first() or 0


def advance(name: str, until: int) -> None:
    """Moves a watermark forward to `until`, never back."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO devices_watermark AS old (name, time) VALUES (%s, %s)"
            " ON CONFLICT (name) DO UPDATE SET time = excluded.time WHERE excluded.time > old.time",
            [name, until],
        )


def settled_until() -> int:
    """Readings before this time (microseconds) are no longer needed for any rollup."""
    late = LateHour.objects.aggregate(oldest=Min("start"))["oldest"]
    rolled = watermark(ROLLED)
    return rolled if late is None else min(rolled, late)

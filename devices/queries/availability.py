"""Reads of availability: how long a device may be silent, and what became of it when."""

from __future__ import annotations

from typing import Any

from devices.models import AvailabilityChange, Device, Watermark

FLAPPING_CHANGES = 6
FLAPPING_US = 60_000_000
"""A device that changes `FLAPPING_CHANGES` times within this flaps, until so long has passed without a change."""

LISTENING, LISTENING_SINCE = "listening", "listening_since"
"""Watermarks: when a bridge was last connected to its broker, and since when one was without a break."""
DEAF_US = 30_000_000
"""A break shorter than this is none."""

FIRST_LIMIT_US = 300_000_000
"""How long a device may be silent of which only one message was heard."""
MIN_LIMIT_US, MAX_LIMIT_US = 60_000_000, 86_400_000_000
LIMIT_IN_GAPS = 3
"""How many times its usual silence a device may be silent."""

MAX_ROWS = 1_000
"""Changes that `history` returns, the newest."""


def silence_limit_us(device: Device) -> int:
    """How long the device may be silent before it is stale: as a manager set it, else as learned."""
    if device.stale_after_s is not None:
        return device.stale_after_s * 1_000_000
    if not device.usual_gap_ms:
        return FIRST_LIMIT_US
    return min(max(LIMIT_IN_GAPS * device.usual_gap_ms * 1_000, MIN_LIMIT_US), MAX_LIMIT_US)


def listening_since(now: int) -> int | None:
    """Since when the hub hears of every message, without a break; `None` while no bridge is connected."""
    marks = dict(Watermark.objects.filter(name__in=(LISTENING, LISTENING_SINCE)).values_list("name", "time"))
    if LISTENING not in marks or abs(now - marks[LISTENING]) >= DEAF_US:
        return None
    return marks.get(LISTENING_SINCE)


def heard(device_ids: list[int]) -> dict[int, tuple[int, int]]:
    """Device id -> when it was last heard, and its usual gap in milliseconds."""
    rows = Device.objects.filter(pk__in=device_ids).order_by().values_list("id", "heard_at", "usual_gap_ms")
    return {id: (heard_at, gap) for id, heard_at, gap in rows}


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


def is_flapping(device: Device, now: int) -> bool:
    """Whether the device changes too often: viewers are told of it at intervals then."""
    lately = AvailabilityChange.objects.filter(device=device, at__gt=now - FLAPPING_US, at__lt=now + FLAPPING_US)
    return sum(lately.values_list("count", flat=True)) >= FLAPPING_CHANGES

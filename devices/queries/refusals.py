from __future__ import annotations

from typing import Any

from devices.errors import REFUSALS
from devices.models import Device


def recent(device: Device) -> list[dict[str, Any]]:
    """The device's last refused messages, newest first, as the HTTP API and pages show them; times in milliseconds."""
    return [
        {
            "id": row.id,
            "reason": row.reason,
            "meaning": REFUSALS.get(row.reason, row.reason),
            "detail": row.detail,
            "kind": row.kind,
            "start": row.start,
            "size": row.size,
            "count": row.count,
            "first_at": row.first_at // 1000,
            "at": row.at // 1000,
        }
        for row in device.refusals.order_by("-at", "-id")
    ]

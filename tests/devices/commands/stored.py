from __future__ import annotations

from typing import Any

from devices.models import Command, Device
from devices.values import now_us


def stored_command(
    device: Device, status: str = "queued", timeout_s: float = 30, args: dict[str, Any] | None = None
) -> Command:
    now = now_us()
    return Command.objects.create(
        id=f"{status}{Command.objects.count()}",
        device=device,
        name="set",
        args=args or {},
        sent_at=None if status == "queued" else now,
        status=status,
        issued_at=now,
        changed_at=now,
        expires_at=now + int(timeout_s * 1_000_000),
    )

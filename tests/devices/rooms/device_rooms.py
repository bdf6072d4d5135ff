"""The room of a device, and its log."""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async

from devices.log import messages
from devices.models import Device, Room


async def log_of(device: Device) -> list[dict[str, Any]]:
    return await sync_to_async(lambda: messages.newest(Room.objects.get(device=device)))()


async def room_of(device: Device) -> int:
    return await sync_to_async(lambda: Room.objects.get(device=device).pk)()

"""Reads of commands."""

from __future__ import annotations

from typing import Any

from django.db.models import F

from devices.commands.models import Command
from devices.errors import NotFound
from devices.registry import brokers
from devices.registry.models import Device
from devices.values import CommandStatus, is_storable, now_us


def queued(broker: str, limit: int) -> list[Command]:
    """Queued commands for this broker's devices that have not expired, oldest first, with their devices."""
    waiting = Command.objects.filter(
        status=CommandStatus.QUEUED,
        expires_at__gt=now_us(),
        device__broker__in=brokers.assignments(broker),
        device__addresses__isnull=True,
    )
    return list(waiting.select_related("device__gateway").order_by("issued_at")[:limit])


def queued_at_source(source_id: int, limit: int) -> list[tuple[Command, str]]:
    """The same for the devices of a source, each with its device's address."""
    waiting = Command.objects.filter(
        status=CommandStatus.QUEUED, expires_at__gt=now_us(), device__addresses__source=source_id
    ).annotate(address=F("device__addresses__address"))
    found = waiting.select_related("device").order_by("issued_at")[:limit]
    return [(command, command.address) for command in found]


def recent(device: Device, limit: int = 20) -> list[dict[str, Any]]:
    """The device's newest commands, newest first."""
    commands = device.commands.select_related("issued_by").order_by("-issued_at")[:limit]
    return [describe(command) for command in commands]


def of_device(device: Device, id: str) -> Command:
    """The device's command with this id. Raises `NotFound`, also for a command of another device."""
    found = device.commands.select_related("issued_by").filter(id=id).first() if is_storable(id) else None
    if found is None:
        raise NotFound(f"{device.uid} has no command {id!r}")
    return found


def describe(command: Command) -> dict[str, Any]:
    """A command as the HTTP API and pages show it; times in milliseconds."""
    return {
        "id": command.id,
        "name": command.name,
        "args": command.args,
        "status": command.status,
        "result": command.result,
        "error": command.error,
        "late": command.late,
        "by": command.issued_by.get_username() if command.issued_by else "",
        "issued_at": command.issued_at // 1000,
        "changed_at": command.changed_at // 1000,
        "expires_at": command.expires_at // 1000,
    }

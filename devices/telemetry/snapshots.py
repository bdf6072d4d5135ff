"""Devices as viewers see them on subscribing, and the HTTP API in its lists. Rights are checked by the caller."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from devices.registry import brokers, metrics
from devices.registry.models import Device
from devices.telemetry.latest import LatestValues, latest_values


def of_device(device: Device, latest: LatestValues, aliases: dict[str, str] | None = None) -> dict[str, Any]:
    """The device, its availability and its latest values; times in milliseconds. `aliases`, of metrics that were
    renamed, are left out if there are none."""
    return {
        "device": {
            "uid": device.uid,
            "name": device.name,
            "space": device.space.slug,
            "attributes": device.attributes,
            "broker": brokers.serving(device.broker),
            "clock_offset_s": device.clock_offset_s,
            **({"aliases": aliases} if aliases else {}),
        },
        "availability": device.availability,
        "availability_at": device.availability_at // 1000 or None,
        **({"via": device.via} if device.via else {}),
        "latest": latest,
    }


def of_devices(devices: Iterable[Device]) -> dict[str, dict[str, Any]]:
    """uid -> snapshot. One or two queries beside the one for the devices, however many there are."""
    known = list(devices)
    latest = latest_values(device.id for device in known)
    aliases = metrics.aliases(known)
    return {device.uid: of_device(device, latest.get(device.id, {}), aliases.get(device.id)) for device in known}

"""Metrics of devices. Rights are checked by the caller (`devices.access`)."""

from __future__ import annotations

from devices.errors import NotFound
from devices.registry.models import Device, Metric
from devices.values import is_storable


def of_device(device: Device) -> list[Metric]:
    """The device's metrics with their space, sorted by name."""
    return list(device.metrics.select_related("device__space").order_by("name"))


def get(device: Device, name: str) -> Metric:
    """The device's metric of this name, with its space. Raises `NotFound`."""
    metrics = device.metrics.select_related("device__space")
    found = metrics.filter(name=name).first() if is_storable(name) else None
    if found is None:
        raise NotFound(f"{device.uid} has no metric {name!r}")
    return found

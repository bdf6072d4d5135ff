"""Reads of metrics. The caller asks for rights (`devices.access`)."""

from __future__ import annotations

from devices.errors import NotFound
from devices.registry.models import Device, Metric
from devices.values import is_storable


def of_device(device: Device) -> list[Metric]:
    """The device's metrics by name, their space at hand."""
    return list(device.metrics.select_related("device__space").order_by("name"))


def named(device: Device, name: str) -> Metric:
    """Its space at hand. Raises `NotFound`."""
    metrics = device.metrics.select_related("device__space")
    found = metrics.filter(name=name).first() if is_storable(name) else None
    if found is None:
        raise NotFound(f"{device.uid} has no metric {name!r}")
    return found

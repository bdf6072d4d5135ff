"""Reads of devices. Rights are the caller's affair (`devices.access`)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from django.db.models import OuterRef, Subquery

from devices.registry import brokers
from devices.registry.models import Device, Metric
from devices.telemetry.columns import from_columns
from devices.telemetry.models import Reading

Latest = dict[str, list[Any]]
"""Metric name -> `[MS, value]` of its newest reading."""


def latest(device_ids: Iterable[int], names: Collection[str] | None = None) -> dict[int, Latest]:
    """Device id -> newest value of each of its metrics, or of those with these names.

    A few index seeks a metric, however many readings it has.
    """
    among = Metric.objects.filter(device__in=list(device_ids))
    if names is not None:
        among = among.filter(name__in=names)
    newest = Reading.objects.filter(metric=OuterRef("pk")).order_by("-time")
    rows = (
        # From the metrics: asked of the readings, both databases walk through all that the metrics have.
        among.annotate(
            time=Subquery(newest.values("time")[:1]),
            number=Subquery(newest.values("number")[:1]),
            text=Subquery(newest.values("text")[:1]),
        )
        .order_by("name")
        .values_list("device_id", "name", "time", "number", "text")
    )
    found: dict[int, Latest] = {}
    for device_id, name, time, number, text in rows:
        if time is not None:
            found.setdefault(device_id, {})[name] = [time // 1000, from_columns(number, text)]
    return found


def snapshot(device: Device, newest: Latest) -> dict[str, Any]:
    """What a viewer is told of a device on subscribing, and the HTTP API in its lists."""
    return {
        "device": {
            "uid": device.uid,
            "name": device.name,
            "space": device.space.slug,
            "attributes": device.attributes,
            "broker": brokers.of(device.broker),
        },
        "availability": device.availability,
        "availability_at": device.availability_at // 1000 or None,
        "latest": newest,
    }


def snapshots(devices: Iterable[Device]) -> dict[str, dict[str, Any]]:
    """uid -> snapshot, for many devices at the price of one query more than their number asks."""
    known = list(devices)
    newest = latest(device.id for device in known)
    return {device.uid: snapshot(device, newest.get(device.id, {})) for device in known}

"""Reads of devices. Rights are the caller's affair (`devices.access`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import OuterRef, Subquery

from devices.credentials import secret_matches
from devices.models import Device, Metric, Reading
from devices.models.readings import from_columns

Latest = dict[str, list[Any]]
"""Metric name -> `[MS, value]` of its newest reading."""


def by_uid(uids: Iterable[str]) -> dict[str, Device]:
    """The known ones among `uids`, with what ingest needs of them."""
    found = Device.objects.filter(uid__in=set(uids)).only("id", "uid", "availability", "availability_at")
    return {device.uid: device for device in found}


def authenticate(uid: str, secret: str) -> Device | None:
    """The device whose secret this is."""
    device = Device.objects.filter(uid=uid).first()
    return device if device is not None and secret_matches(secret, device.secret_hash) else None


def latest(device_ids: Iterable[int]) -> dict[int, Latest]:
    """Device id -> newest value of each of its metrics. One index seek a metric."""
    newest = Reading.objects.filter(metric=OuterRef("metric")).order_by("-time").values("time")[:1]
    metrics = Metric.objects.filter(device__in=list(device_ids))
    rows = (
        Reading.objects.filter(metric__in=metrics, time=Subquery(newest))
        .order_by("metric__name")
        .values_list("metric__device_id", "metric__name", "time", "number", "text")
    )
    found: dict[int, Latest] = {}
    for device_id, name, time, number, text in rows:
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

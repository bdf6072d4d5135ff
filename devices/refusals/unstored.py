"""Devices that send data of which nothing can be stored: to people who look, they would seem to be silent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypedDict

from django.db.models import Exists, F, Max, OuterRef, Q, QuerySet

from devices.errors import REFUSALS
from devices.refusals.models import StoredRefusal
from devices.registry.models import Device, Metric

KINDS = ("telemetry", "other")
"""Kinds of messages that are meant as data: telemetry, and messages on a wrong topic."""
REASONS_OF_THE_HUB = ("rate_limited", "retained")
"""Reasons that say nothing about the form of the data."""
GAP_US = 60_000_000
"""A message that was refused so long after the last one that was stored is not a single odd one among others."""


class Unstored(TypedDict):
    """The newest refusal of a device; `at` in milliseconds."""

    key: str
    meaning: str
    detail: str
    at: int


def of_devices(devices: QuerySet[Device] | Iterable[Device]) -> dict[str, Unstored]:
    """uid -> why nothing is stored of what the device sends, for those of the devices of which this is so."""
    refused = _refused(devices)
    newest = refused.order_by().values("device_id").annotate(newest=Max("at")).values_list("device_id", "newest")
    times = dict(newest)
    rows = refused.filter(at__in=set(times.values())) if times else refused.none()
    return {
        row.device.uid: _facts(row)
        for row in rows.order_by("id").select_related("device")
        if row.at == times.get(row.device_id)
    }


def of_device(device: Device) -> Unstored | None:
    """The same of one device; `None` if its data is stored, or if it sends none."""
    row = _refused([device]).order_by("-at", "-id").first()
    return None if row is None else _facts(row)


def _refused(devices: Any) -> QuerySet[StoredRefusal]:
    """The refusals that were not followed by anything that was stored."""
    has_metrics = Exists(Metric.objects.filter(device=OuterRef("device")))
    return (
        StoredRefusal.objects.filter(device__in=devices, kind__in=KINDS)
        .exclude(reason__in=REASONS_OF_THE_HUB)
        .filter(Q(~has_metrics) | Q(at__gt=F("device__heard_at") + GAP_US))
    )


def _facts(row: StoredRefusal) -> Unstored:
    meaning, detail = REFUSALS.get(row.reason, row.reason), row.detail
    if row.reason == "invalid_shape" and detail:
        meaning, detail = detail, ""  # which says more
    return {
        "key": row.key,
        "meaning": meaning,
        "detail": detail,
        "at": row.at // 1000,
    }

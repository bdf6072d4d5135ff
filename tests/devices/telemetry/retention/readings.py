"""Readings of a certain age."""

from __future__ import annotations

from django.db import transaction

from devices.models import Device, LateHour, Metric, Reading
from devices.telemetry.retention.policy import DAY_US
from devices.telemetry.store import ReadingStore
from devices.values import Sample, Telemetry, now_us


def put(device: Device, *ages: float, metric: str = "speed") -> Metric:
    """Stores readings of so many days ago, whatever the retention is, as if they were rolled up already."""
    samples = tuple(Sample(metric, 1.0, now_us() - int(age * DAY_US)) for age in ages)
    with transaction.atomic():
        ReadingStore().store([(device, Telemetry(samples, now_us()))])
    LateHour.objects.all().delete()
    return Metric.objects.get(device=device, name=metric)


def ages(metric: Metric) -> list[int]:
    """How many days ago the metric's readings were, newest first."""
    times = Reading.objects.filter(metric=metric).order_by("-time").values_list("time", flat=True)
    return [round((now_us() - time) / DAY_US) for time in times]

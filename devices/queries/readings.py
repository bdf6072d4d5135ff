"""History of a metric, as columns."""

from __future__ import annotations

from typing import Any, TypedDict

from django.db.models import Avg, Count, F, IntegerField, Max, Min
from django.db.models.expressions import CombinedExpression, Value

from devices.errors import NotFound
from devices.models import Device, Metric, Reading
from devices.models.readings import from_columns

MAX_POINTS = 5_000
"""The most points that one answer holds."""


class Columns(TypedDict, total=False):
    """`t` in milliseconds, ascending. `v` for raw readings; the others for buckets, whose `t` is their start."""

    metric: str
    resolution: str
    t: list[int]
    v: list[Any]
    min: list[float]
    max: list[float]
    mean: list[float]
    count: list[int]


def history(device: Device, metric: str, start: int, end: int, points: int) -> Columns:
    """Readings of `metric` from `start` to before `end` (microseconds), at most about `points` of them.

    Raw where they fit; else buckets of equal length that keep minimum and maximum, so that no peak disappears.
    Metrics without numbers are given raw, the newest `points`. Raises `NotFound` for an unknown metric.
    """
    # No metric's name has unprintable characters, and PostgreSQL fails on one of them, NUL.
    found = Metric.objects.filter(device=device, name=metric).first() if metric.isprintable() else None
    if found is None:
        raise NotFound(f"{device.uid} has no metric {metric!r}")
    readings = Reading.objects.filter(metric=found, time__gte=start, time__lt=end)
    newest = list(readings.order_by("-time").values_list("time", "number", "text")[: points + 1])
    if len(newest) <= points or all(number is None for _, number, _ in newest):
        rows = newest[points - 1 :: -1] if len(newest) > points else newest[::-1]
        return {
            "metric": metric,
            "resolution": "raw",
            "t": [time // 1000 for time, _, _ in rows],
            "v": [from_columns(number, text) for _, number, text in rows],
        }
    return _buckets(found, start, end, points)


def _buckets(metric: Metric, start: int, end: int, points: int) -> Columns:
    span = Reading.objects.filter(metric=metric, time__gte=start, time__lt=end).aggregate(
        first=Min("time"), last=Max("time")
    )
    width = max(1_000_000, -(-(span["last"] - span["first"] + 1) // points))
    width = -(-width // 1_000_000) * 1_000_000  # whole seconds, so that two requests cut alike
    bucket = CombinedExpression(F("time"), "/", Value(width), output_field=IntegerField())
    rows = (
        Reading.objects.filter(metric=metric, time__gte=start, time__lt=end, number__isnull=False)
        .annotate(bucket=bucket)
        .values("bucket")
        .annotate(low=Min("number"), high=Max("number"), mean=Avg("number"), n=Count("number"))
        .order_by("bucket")
        .values_list("bucket", "low", "high", "mean", "n")
    )
    columns = list(zip(*rows, strict=True)) or [(), (), (), (), ()]
    return {
        "metric": metric.name,
        "resolution": f"{width // 1_000_000}s",
        "t": [number * width // 1000 for number in columns[0]],
        "min": list(columns[1]),
        "max": list(columns[2]),
        "mean": list(columns[3]),
        "count": list(columns[4]),
    }

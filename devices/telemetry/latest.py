"""The newest values of metrics. Rights are checked by the caller (`devices.access`)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from django.db.models import OuterRef, Subquery

from devices.registry.models import Metric
from devices.telemetry.columns import from_columns
from devices.telemetry.models import Reading

LatestValues = dict[str, list[Any]]
"""Metric name -> `[MS, value]` of its newest reading."""


def latest_values(device_ids: Iterable[int], names: Collection[str] | None = None) -> dict[int, LatestValues]:
    """Device id -> newest value of each of its metrics, or only of those with these names.

    A few index seeks per metric, however many readings it has.
    """
    among = Metric.objects.filter(device__in=list(device_ids))
    if names is not None:
        among = among.filter(name__in=names)
    newest = Reading.objects.filter(metric=OuterRef("pk")).order_by("-time")
    rows = (
        # Starting from the metrics: starting from the readings, both databases scan all readings of the metrics.
        among.annotate(
            time=Subquery(newest.values("time")[:1]),
            number=Subquery(newest.values("number")[:1]),
            text=Subquery(newest.values("text")[:1]),
        )
        .order_by("name")
        .values_list("device_id", "name", "time", "number", "text")
    )
    found: dict[int, LatestValues] = {}
    for device_id, name, time, number, text in rows:
        if time is not None:
            found.setdefault(device_id, {})[name] = [time // 1000, from_columns(number, text)]
    return found

"""All readings of a device, in pages: short reads, so that a slow export holds up no checkpoint of the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import OuterRef, Subquery

from devices.errors import NotFound
from devices.registry.models import Device, Metric
from devices.telemetry.models import Reading
from devices.values import is_storable

PAGE = 2_000
"""Readings of one read. With the longest texts they are 8 MB, of which an export holds some copies."""

Row = tuple[int, float | None, str | None]
"""Time in microseconds, and the columns of `Reading`, from which every value comes back as it was sent."""


@dataclass(frozen=True, slots=True)
class Extent:
    """A metric and the times of its first and last reading within what was asked for, in microseconds."""

    metric_id: int
    metric: str
    first: int
    last: int


def extents(device: Device, names: Sequence[str], start: int, end: int) -> list[Extent]:
    """Those metrics that have readings from `start` to before `end`, by name; all metrics where none is named.

    Two index seeks a metric, however many readings it has. Raises `NotFound` for a metric that the device has not.
    """
    metrics = Metric.objects.filter(device=device)
    if names:
        known = set(
            metrics.filter(name__in=[name for name in names if is_storable(name)]).values_list("name", flat=True)
        )
        for name in names:
            if name not in known:
                raise NotFound(f"{device.uid} has no metric {name!r}")
        metrics = metrics.filter(name__in=known)
    readings = Reading.objects.filter(metric=OuterRef("pk"), time__gte=start, time__lt=end)
    found = metrics.annotate(
        first=Subquery(readings.order_by("time").values("time")[:1]),
        last=Subquery(readings.order_by("-time").values("time")[:1]),
    ).filter(first__isnull=False)
    return [Extent(*row) for row in found.order_by("name").values_list("id", "name", "first", "last")]


def page(extent: Extent, after: int) -> list[Row]:
    """The next readings later than `after`, at most `PAGE` of them; fewer: they are the last."""
    readings = Reading.objects.filter(metric=extent.metric_id, time__gt=after, time__lte=extent.last)
    return list(readings.order_by("time").values_list("time", "number", "text")[:PAGE])

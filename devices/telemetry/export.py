"""All readings of a device, in pages: with short reads a slow export does not hold up the database's checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import OuterRef, Subquery

from devices.registry.metrics import ids_by_any_name
from devices.registry.models import Device, Metric
from devices.telemetry.models import Reading

PAGE = 2_000
"""Readings of one page. With the longest texts they take 8 MB, and an export holds several copies."""

ExportRow = tuple[int, float | None, str | None]
"""Time in microseconds, and the columns `number` and `text` of `Reading`, which restore every value as it was sent."""


@dataclass(frozen=True, slots=True)
class Extent:
    """A metric and the times of its first and last reading in the requested window, in microseconds."""

    metric_id: int
    metric: str
    first: int
    last: int


def extents(device: Device, names: Sequence[str], start: int, end: int) -> list[Extent]:
    """The extents of the named metrics, or of all if `names` is empty, that have readings from `start` to before `end`.

    Sorted by name. Two index seeks per metric, however many readings it has. `names` may be earlier ones. Raises
    `NotFound` for a metric that the device does not have.
    """
    metrics = Metric.objects.filter(device=device)
    if names:
        metrics = metrics.filter(pk__in=ids_by_any_name(device, names))
    readings = Reading.objects.filter(metric=OuterRef("pk"), time__gte=start, time__lt=end)
    found = metrics.annotate(
        first=Subquery(readings.order_by("time").values("time")[:1]),
        last=Subquery(readings.order_by("-time").values("time")[:1]),
    ).filter(first__isnull=False)
    return [Extent(*row) for row in found.order_by("name").values_list("id", "name", "first", "last")]


def page(extent: Extent, after: int) -> list[ExportRow]:
    """The next `PAGE` readings later than `after`; fewer if they are the last ones."""
    readings = Reading.objects.filter(metric=extent.metric_id, time__gt=after, time__lte=extent.last)
    return list(readings.order_by("time").values_list("time", "number", "text")[:PAGE])

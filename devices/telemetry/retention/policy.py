"""How long readings and rollups are kept, and which ones are older than that."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import F, OuterRef, QuerySet, Subquery

from devices.registry.models import Metric
from devices.spaces.models import Space
from devices.telemetry.models import Reading, Rollup

DAY_US = 86_400_000_000
EARLIEST = 365 * DAY_US
"""No reading is older than 1971, however long they are kept: such a time comes from an unset clock or is in seconds."""
FIELDS = ("raw_days", "minute_days", "hour_days")
KINDS = {0: "readings", 60: "minutes", 3_600: "hours", 86_400: "days"}
"""Length of a `Rollup` in seconds, or 0 for readings -> the name of what is kept."""


@dataclass(frozen=True, slots=True)
class Retention:
    """Days for which readings, minute rollups, and hour and day rollups are kept. 0: for ever."""

    raw_days: int
    minute_days: int
    hour_days: int

    def __post_init__(self) -> None:
        # Rollups are worth most once their readings are removed, so they are kept at least as long.
        object.__setattr__(self, "minute_days", _longer(self.minute_days, self.raw_days))
        object.__setattr__(self, "hour_days", _longer(self.hour_days, self.minute_days))

    def days(self, seconds: int) -> int:
        """How long rollups of this length are kept; 0 stands for the readings."""
        return {0: self.raw_days, 60: self.minute_days}.get(seconds, self.hour_days)


def _longer(days: int, other: int) -> int:
    return max(days, other) if days and other else 0


def cutoff(days: int, now: int) -> int:
    """The time (microseconds) before which data that is kept for so many days may be removed."""
    return max(EARLIEST, now - days * DAY_US) if days else EARLIEST


def of_space(space: Space) -> Retention:
    """The space's own retention."""
    return Retention(space.raw_days, space.minute_days, space.hour_days)


def of_metric(metric: Metric) -> Retention:
    """The metric's own days, and those of its space for the rest. Reads `metric.device.space`."""
    own, inherited = ([getattr(row, field) for field in FIELDS] for row in (metric, metric.space))
    return effective(own, inherited)


@dataclass(frozen=True, slots=True)
class MetricGroup:
    """Metrics with the same settings: their own days (`own`) and those of their space (`inherited`), as in `FIELDS`."""

    own: tuple[int | None, ...]
    inherited: tuple[int, ...]
    metrics: QuerySet[Metric]

    @property
    def retention(self) -> Retention:
        return effective(self.own, self.inherited)


_INHERITED = [f"device__space__{field}" for field in FIELDS]


def metric_groups(metrics: QuerySet[Metric] | None = None) -> list[MetricGroup]:
    """All metrics, or these, grouped by their settings."""
    found = (Metric.objects.filter(device__isnull=False) if metrics is None else metrics).order_by()
    rows = found.values(*FIELDS, *_INHERITED).distinct()
    return [
        MetricGroup(
            tuple(row[field] for field in FIELDS), tuple(row[field] for field in _INHERITED), found.filter(**row)
        )
        for row in rows
    ]


def effective(own: Iterable[int | None], inherited: Iterable[int]) -> Retention:
    """The retention of a metric with these days, both in the order of `FIELDS`; None: as in its space."""
    return Retention(*(theirs if days is None else days for days, theirs in zip(own, inherited, strict=True)))


def with_outdated(metrics: QuerySet[Metric], seconds: int, until: int) -> QuerySet[Any]:
    """Those metrics that have removable data of this kind (`KINDS`) from before `until`, with its `first` and `last`.

    All times in microseconds. The newest reading of a metric is never removable. Two index seeks per metric.
    """
    times = (
        Rollup.objects.filter(metric=OuterRef("pk"), seconds=seconds).values_list("start", flat=True)
        if seconds
        else Reading.objects.filter(metric=OuterRef("pk")).values_list("time", flat=True)
    )
    key = "start" if seconds else "time"
    found = metrics.annotate(
        first=Subquery(times.order_by(key)[:1]), last=Subquery(times.order_by(f"-{key}")[:1])
    ).filter(first__lt=until)
    return found if seconds else found.filter(first__lt=F("last"))

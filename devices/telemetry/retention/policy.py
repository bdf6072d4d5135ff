"""How long readings and rollups are kept, and what is older than that."""

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
"""No reading is of before 1971, however long they are kept: such a time is a clock that was never set, or seconds."""
FIELDS = ("raw_days", "minute_days", "hour_days")
KINDS = {0: "readings", 60: "minutes", 3_600: "hours", 86_400: "days"}
"""What is kept, by the seconds of a `Rollup`; 0 stands for the readings."""


@dataclass(frozen=True, slots=True)
class Retention:
    """Days for which readings, rollups of a minute, and those of an hour and of a day are kept. 0: for ever."""

    raw_days: int
    minute_days: int
    hour_days: int

    def __post_init__(self) -> None:
        # What is made of readings is worth most once they are gone.
        object.__setattr__(self, "minute_days", _longer(self.minute_days, self.raw_days))
        object.__setattr__(self, "hour_days", _longer(self.hour_days, self.minute_days))

    def days(self, seconds: int) -> int:
        """Of the rollups that last so long; 0 stands for the readings."""
        return {0: self.raw_days, 60: self.minute_days}.get(seconds, self.hour_days)


def _longer(days: int, other: int) -> int:
    return max(days, other) if days and other else 0


def limit(days: int, now: int) -> int:
    """The time (microseconds) before which what is kept so many days may go."""
    return max(EARLIEST, now - days * DAY_US) if days else EARLIEST


def of_space(space: Space) -> Retention:
    return Retention(space.raw_days, space.minute_days, space.hour_days)


def of_metric(metric: Metric) -> Retention:
    """What holds for the metric: its own days, else those of its space, which must be at hand."""
    own, theirs = ([getattr(row, field) for field in FIELDS] for row in (metric, metric.device.space))
    return effective(own, theirs)


@dataclass(frozen=True, slots=True)
class Group:
    """Metrics for which the same holds; `own` and `theirs` are the days of the metrics and of their space."""

    own: tuple[int | None, ...]
    theirs: tuple[int, ...]
    metrics: QuerySet[Metric]

    @property
    def retention(self) -> Retention:
        return effective(self.own, self.theirs)


def groups(metrics: QuerySet[Metric] | None = None) -> list[Group]:
    """All metrics, or these."""
    found = (Metric.objects.all() if metrics is None else metrics).order_by()
    rows = found.values(*FIELDS, *_THEIRS).distinct()
    return [
        Group(tuple(row[field] for field in FIELDS), tuple(row[field] for field in _THEIRS), found.filter(**row))
        for row in rows
    ]


_THEIRS = [f"device__space__{field}" for field in FIELDS]


def effective(own: Iterable[int | None], theirs: Iterable[int]) -> Retention:
    return Retention(*(b if a is None else a for a, b in zip(own, theirs, strict=True)))


def older(metrics: QuerySet[Metric], seconds: int, until: int) -> QuerySet[Any]:
    """Those metrics of which something of this kind (`KINDS`) from before `until` may go, with its `first` and `last`.

    All times in microseconds. The newest reading of a metric always stays. Two index seeks a metric.
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

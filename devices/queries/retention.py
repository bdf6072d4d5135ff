"""How long readings and rollups are kept, and what is older than that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import F, OuterRef, QuerySet, Subquery

from devices.models import Metric, Reading, Rollup, Space
from devices.values import now_us

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
    own = (getattr(metric, field) for field in FIELDS)
    theirs = (getattr(metric.device.space, field) for field in FIELDS)
    return Retention(*(a if a is not None else b for a, b in zip(own, theirs, strict=True)))


@dataclass(frozen=True, slots=True)
class Group:
    """Metrics for which the same holds."""

    retention: Retention
    metrics: QuerySet[Metric]


def groups(metrics: QuerySet[Metric] | None = None) -> list[Group]:
    """All metrics, or these."""
    found = (Metric.objects.all() if metrics is None else metrics).order_by()
    names = [*FIELDS, *(f"device__space__{field}" for field in FIELDS)]
    return [Group(_effective(row), found.filter(**row)) for row in found.values(*names).distinct()]


def _effective(row: Mapping[str, Any]) -> Retention:
    return Retention(*(_first(row[field], row[f"device__space__{field}"]) for field in FIELDS))


def _first(own: int | None, other: int) -> int:
    return other if own is None else own


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


@dataclass(frozen=True, slots=True)
class Loss:
    """What a change would remove: from how many metrics, and the times (microseconds) of the first and the limit."""

    seconds: int
    metrics: int
    first: int
    until: int


def losses(metrics: Iterable[QuerySet[Metric]], wanted: Retention) -> list[Loss]:
    """What goes of those metrics once `wanted` holds for them, by kind."""
    now = now_us()
    found = []
    for seconds in KINDS:
        until = limit(wanted.days(seconds), now)
        firsts = [first for some in metrics for first in older(some, seconds, until).values_list("first", flat=True)]
        if firsts:
            found.append(Loss(seconds, len(firsts), min(firsts), until))
    return found

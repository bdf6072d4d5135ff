"""How long readings and rollups are kept, and what is older than that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, Min, OuterRef, QuerySet, Subquery

from devices.errors import NotFound
from devices.models import Device, Metric, Reading, Rollup, Space
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
    own, theirs = ([getattr(row, field) for field in FIELDS] for row in (metric, metric.device.space))
    return _effective(own, theirs)


def metrics_of(device: Device) -> list[Metric]:
    """The device's metrics by name, their space at hand."""
    return list(device.metrics.select_related("device__space").order_by("name"))


def metric_of(device: Device, name: str) -> Metric:
    """Its space at hand. Raises `NotFound`."""
    # No metric's name has unprintable characters, and PostgreSQL fails on one of them, NUL.
    metrics = device.metrics.select_related("device__space")
    found = metrics.filter(name=name).first() if name.isprintable() else None
    if found is None:
        raise NotFound(f"{device.uid} has no metric {name!r}")
    return found


@dataclass(frozen=True, slots=True)
class Group:
    """Metrics for which the same holds; `own` and `theirs` are the days of the metrics and of their space."""

    own: tuple[int | None, ...]
    theirs: tuple[int, ...]
    metrics: QuerySet[Metric]

    @property
    def retention(self) -> Retention:
        return _effective(self.own, self.theirs)


def groups(metrics: QuerySet[Metric] | None = None) -> list[Group]:
    """All metrics, or these."""
    found = (Metric.objects.all() if metrics is None else metrics).order_by()
    rows = found.values(*FIELDS, *_THEIRS).distinct()
    return [
        Group(tuple(row[field] for field in FIELDS), tuple(row[field] for field in _THEIRS), found.filter(**row))
        for row in rows
    ]


_THEIRS = [f"device__space__{field}" for field in FIELDS]


def _effective(own: Iterable[int | None], theirs: Iterable[int]) -> Retention:
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


@dataclass(frozen=True, slots=True)
class Loss:
    """What a change would remove of one of `KINDS`: of how many metrics, and from when to when (microseconds)."""

    kind: str
    metrics: int
    first: int
    until: int


def losses(row: Space | Metric, days: Mapping[str, Any]) -> list[Loss]:
    """What goes once these days, one for each of `FIELDS`, hold for the space or the metric."""
    values = [days[field] for field in FIELDS]
    if isinstance(row, Metric):
        found = groups(Metric.objects.filter(pk=row.pk))
        return _losses((group, _effective(values, group.theirs)) for group in found)
    found = groups(Metric.objects.filter(device__space=row))
    return _losses((group, _effective(group.own, values)) for group in found)


def _losses(changes: Iterable[tuple[Group, Retention]]) -> list[Loss]:
    now = now_us()
    found: dict[str, list[Loss]] = {}
    for group, wanted in changes:
        for seconds, kind in KINDS.items():
            until = limit(wanted.days(seconds), now)
            if until > limit(group.retention.days(seconds), now):
                some = older(group.metrics, seconds, until).aggregate(count=Count("pk"), oldest=Min("first"))
                if some["count"]:
                    found.setdefault(kind, []).append(Loss(kind, some["count"], some["oldest"], until))
    return [
        Loss(kind, sum(one.metrics for one in some), min(one.first for one in some), max(one.until for one in some))
        for kind, some in found.items()
    ]

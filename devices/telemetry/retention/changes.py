"""Changes of how long readings and rollups are kept, and the data that a change would remove."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from django.db import transaction
from django.db.models import Count, Min

from devices.errors import Invalid
from devices.registry.models import Metric
from devices.spaces.models import Space
from devices.telemetry.retention.cutoffs import retention_changed
from devices.telemetry.retention.policy import (
    FIELDS,
    KINDS,
    MetricGroup,
    Retention,
    cutoff,
    effective,
    metric_groups,
    with_outdated,
)
from devices.values import now_us

MAX_DAYS = 36_500

_NAMES = {"raw_days": "readings", "minute_days": "one value a minute", "hour_days": "one value an hour and a day"}


def set_days(row: Space | Metric, days: Mapping[str, int | None]) -> None:
    """Sets some of `FIELDS`; None, for a metric: as in its space. Raises `Invalid`."""
    check_days(row, days)
    for field, value in days.items():
        setattr(row, field, value)
    row.save(update_fields=FIELDS)
    transaction.on_commit(lambda: retention_changed.send(None))


def check_days(row: Space | Metric, days: Mapping[str, int | None]) -> None:
    """Raises `Invalid` for days that `set_days` would not accept."""
    space = row.space if isinstance(row, Metric) else row
    wanted = {field: days.get(field, getattr(row, field)) for field in FIELDS}
    effective = {field: getattr(space, field) if value is None else value for field, value in wanted.items()}
    for field, value in effective.items():
        if not 0 <= value <= MAX_DAYS:
            raise Invalid(f"{field} must be a whole number of days from 0 (for ever) to {MAX_DAYS:,}")
    for finer, coarser in pairwise(FIELDS):
        if effective[coarser] and not 0 < effective[finer] <= effective[coarser]:
            raise Invalid(f"{_NAMES[coarser]} must be kept at least as long as {_NAMES[finer]}")


@dataclass(frozen=True, slots=True)
class Loss:
    """Data of one of `KINDS` that a change would remove: of how many metrics, and from when to when (microseconds)."""

    kind: str
    metrics: int
    first: int
    until: int


def losses(row: Space | Metric, days: Mapping[str, Any]) -> list[Loss]:
    """The data that would be removed once the space or the metric has these days, one for each of `FIELDS`."""
    values = [days[field] for field in FIELDS]
    if isinstance(row, Metric):
        found = metric_groups(Metric.objects.filter(pk=row.pk))
        return _losses((group, effective(values, group.inherited)) for group in found)
    found = metric_groups(Metric.objects.filter(device__space=row))
    return _losses((group, effective(group.own, values)) for group in found)


def _losses(changes: Iterable[tuple[MetricGroup, Retention]]) -> list[Loss]:
    now = now_us()
    found: dict[str, list[Loss]] = {}
    for group, wanted in changes:
        for seconds, kind in KINDS.items():
            until = cutoff(wanted.days(seconds), now)
            if until > cutoff(group.retention.days(seconds), now):
                some = with_outdated(group.metrics, seconds, until).aggregate(count=Count("pk"), oldest=Min("first"))
                if some["count"]:
                    found.setdefault(kind, []).append(Loss(kind, some["count"], some["oldest"], until))
    return [
        Loss(kind, sum(one.metrics for one in some), min(one.first for one in some), max(one.until for one in some))
        for kind, some in found.items()
    ]

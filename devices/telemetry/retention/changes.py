"""Changes of how long readings and rollups are kept, and what a change would remove."""

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
from devices.telemetry.retention import cutoffs
from devices.telemetry.retention.policy import FIELDS, KINDS, Group, Retention, effective, groups, limit, older
from devices.values import now_us

MAX_DAYS = 36_500

_NAMES = {"raw_days": "readings", "minute_days": "one value a minute", "hour_days": "one value an hour and a day"}


def change(row: Space | Metric, days: Mapping[str, int | None]) -> None:
    """Sets some of `FIELDS`; None, for a metric: as in its space. Raises `Invalid`."""
    check(row, days)
    for field, value in days.items():
        setattr(row, field, value)
    row.save(update_fields=FIELDS)
    transaction.on_commit(cutoffs.note_change)


def check(row: Space | Metric, days: Mapping[str, int | None]) -> None:
    """Raises `Invalid` for days that `change` would not take."""
    space = row.device.space if isinstance(row, Metric) else row
    wanted = {field: days.get(field, getattr(row, field)) for field in FIELDS}
    effective = {field: getattr(space, field) if value is None else value for field, value in wanted.items()}
    for field, value in effective.items():
        if not 0 <= value <= MAX_DAYS:
            raise Invalid(f"{field} is a whole number from 0 (for ever) to {MAX_DAYS:,} days")
    for finer, coarser in pairwise(FIELDS):
        if effective[coarser] and not 0 < effective[finer] <= effective[coarser]:
            raise Invalid(f"{_NAMES[coarser]} must be kept at least as long as {_NAMES[finer]}")


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
        return _losses((group, effective(values, group.theirs)) for group in found)
    found = groups(Metric.objects.filter(device__space=row))
    return _losses((group, effective(group.own, values)) for group in found)


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

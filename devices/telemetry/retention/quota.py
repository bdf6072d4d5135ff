"""The job that holds each space to `SPACE_READING_QUOTA` readings: beyond it, its oldest ones are removed first.

What is kept whatever its age is kept here too: the newest reading of each metric, readings that have not been rolled up
yet, and all rollups.
"""

from __future__ import annotations

import logging

from django.conf import settings
from django.db.models import Min

from devices.registry.models import Metric
from devices.spaces.models import Space
from devices.telemetry.models import Reading
from devices.telemetry.retention import policy, removal
from devices.telemetry.retention.removal import Outdated
from devices.telemetry.watermarks import settled_until

logger = logging.getLogger("hubbub.retention")

OVER_QUOTA = "over_quota"
"""The label of these readings in `hubbub_rows_removed_total`."""
PROBES = 20
"""Halvings of the time in which the oldest readings are looked for; each counts those before a time."""


class ReadingQuota:
    """Each call removes as much as one step can, and returns whether there is more to remove at once."""

    def __init__(self) -> None:
        self._todo: list[Outdated] = []

    def __call__(self) -> bool:
        if not self._todo and settings.SPACE_READING_QUOTA:
            self._todo = [one for space in Space.objects.all() for one in _over_quota(space)]
        return removal.remove(self._todo)


def _over_quota(space: Space) -> list[Outdated]:
    """The readings that are to be removed in the space. Records in the space up to which time."""
    excess = Reading.objects.filter(metric__device__space=space).count() - settings.SPACE_READING_QUOTA
    if excess <= 0:
        return []
    until = _time_of_the_oldest(space, excess)
    metrics = Metric.objects.filter(device__space=space)
    found = policy.with_outdated(metrics, 0, until).values_list("id", "last")
    todo = [Outdated(metric_id, 0, min(until, last), OVER_QUOTA) for metric_id, last in found]
    if todo:
        logger.warning("%s has %d readings too many: the oldest are removed", space.slug, excess)
        Space.objects.filter(pk=space.pk, removed_until__lt=until).update(removed_until=until)
    return todo


def _time_of_the_oldest(space: Space, count: int) -> int:
    """The earliest time (microseconds), give or take a millionth of the history, before which the space has so many
    readings; not later than what must stay."""
    readings = Reading.objects.filter(metric__device__space=space)
    low, high = readings.aggregate(oldest=Min("time"))["oldest"] or 0, settled_until()
    if low >= high or readings.filter(time__lt=high).count() <= count:
        return high
    for _ in range(PROBES):
        middle = (low + high) // 2
        low, high = (middle, high) if readings.filter(time__lt=middle).count() < count else (low, middle)
    return high

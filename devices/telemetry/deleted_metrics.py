"""The job that removes what is stored of metrics that were deleted."""

from __future__ import annotations

from devices.registry.models import Metric
from devices.telemetry.retention import removal
from devices.telemetry.retention.policy import KINDS
from devices.telemetry.retention.removal import Outdated

_EVER = 2**62
"""Microseconds; later than any reading."""


def remove_deleted() -> bool:
    """Removes as much as one step can. Returns whether there is more to do at once."""
    ids = list(Metric.objects.filter(device__isnull=True).order_by().values_list("id", flat=True))
    if removal.remove([Outdated(id, seconds, _EVER) for id in ids for seconds in KINDS]):
        return True
    Metric.objects.filter(id__in=ids).delete()
    return False

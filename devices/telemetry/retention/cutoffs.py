"""How old a sample may be: no older than its metric keeps its readings."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from devices.errors import Refusal
from devices.registry.models import Metric
from devices.spaces.models import Space
from devices.telemetry.retention.policy import DAY_US, EARLIEST, limit
from devices.values import Sample, now_us

REFRESH_S = 60.0
"""How long a process goes by what it knows before it looks whether another one has changed it."""
_NEAR_US = 366 * DAY_US

_changes = 0


def note_change() -> None:
    """What holds has changed in this process: `AgeLimits` look at once."""
    global _changes
    _changes += 1


class AgeLimits:
    """Since when readings are kept, of every metric. Cached for `REFRESH_S`; used from one thread at a time."""

    def __init__(self) -> None:
        self._read_at = float("-inf")
        self._changes = _changes
        self._spaces: dict[int, int] = {}
        self._metrics: dict[int, int] = {}
        self._highest = EARLIEST

    def highest(self) -> int:
        """A reading of this time or later is kept, whatever its metric: most need no other look."""
        if time.monotonic() - self._read_at >= REFRESH_S or self._changes != _changes:
            self._read()
        return self._highest

    def of(self, space_id: int, metric_id: int | None) -> int:
        """The oldest time that is kept of the metric; None: of one that is new in the space."""
        own = None if metric_id is None else self._metrics.get(metric_id)
        return self._spaces.get(space_id, EARLIEST) if own is None else own

    def _read(self) -> None:
        now, self._changes, self._read_at = now_us(), _changes, time.monotonic()
        own = Metric.objects.filter(raw_days__isnull=False).order_by().values_list("id", "raw_days")
        spaces = Space.objects.order_by().values_list("id", "raw_days")
        self._metrics = {id: limit(days or 0, now) for id, days in own}
        self._spaces = {id: limit(days, now) for id, days in spaces}
        self._highest = max([EARLIEST, *self._metrics.values(), *self._spaces.values()])


def refusal(old: Iterable[Sample], of: int) -> Refusal:
    """What is said of samples that are too old, all with times, in a message of so many."""
    times = [sample.time for sample in old if sample.time is not None]
    oldest = min(times)
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=oldest)
    detail = f"{len(times)} of {of} samples, the oldest of {moment:%Y-%m-%dT%H:%M:%SZ}"
    if abs(oldest * 1000 - now_us()) < _NEAR_US:
        detail += "; ts looks like seconds; milliseconds are meant"
    return Refusal("older_than_retention", detail)

"""The samples that ingest refuses for their age: those older than their metric keeps its readings."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from django.dispatch import Signal

from devices.errors import Refusal
from devices.registry.models import Metric
from devices.spaces.models import Space
from devices.telemetry.retention.policy import EARLIEST, cutoff
from devices.values import Sample, looks_like_seconds, now_us

REFRESH_S = 60.0
"""How long a process uses the cutoffs it has read before it checks whether another process has changed them."""

retention_changed = Signal()
"""Sent in this process after a change of retention is committed."""


class RetentionCutoffs:
    """Since when the readings of every metric are kept. Cached for `REFRESH_S`; used from one thread at a time."""

    def __init__(self) -> None:
        self._read_at = float("-inf")
        self._spaces: dict[int, int] = {}
        self._metrics: dict[int, int] = {}
        self._latest = EARLIEST
        retention_changed.connect(self._expire)  # a weak reference

    def latest(self) -> int:
        """The latest of all cutoffs: a reading of this time or later is kept, whatever its metric. Most are."""
        if time.monotonic() - self._read_at >= REFRESH_S:
            self._read()
        return self._latest

    def of(self, space_id: int, metric_id: int | None) -> int:
        """The oldest time whose reading the metric keeps; without an id, a metric that is new in the space."""
        own = None if metric_id is None else self._metrics.get(metric_id)
        return self._spaces.get(space_id, EARLIEST) if own is None else own

    def _expire(self, **_: object) -> None:
        self._read_at = float("-inf")

    def _read(self) -> None:
        # The time first: a change that another thread makes during the queries must have them read again.
        now, self._read_at = now_us(), time.monotonic()
        own = Metric.objects.filter(raw_days__isnull=False).order_by().values_list("id", "raw_days")
        spaces = Space.objects.order_by().values_list("id", "raw_days")
        self._metrics = {id: cutoff(days or 0, now) for id, days in own}
        self._spaces = {id: cutoff(days, now) for id, days in spaces}
        self._latest = max([EARLIEST, *self._metrics.values(), *self._spaces.values()])


def refusal_of_outdated(samples: Iterable[Sample], total: int) -> Refusal:
    """The refusal of these samples, all of which have times, in a message of `total` samples."""
    times = [sample.time for sample in samples if sample.time is not None]
    oldest = min(times)
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=oldest)
    detail = f"{len(times)} of {total} samples, the oldest of {moment:%Y-%m-%dT%H:%M:%SZ}"
    if hint := hint_at_seconds(oldest):
        detail += f"; ts {hint}"
    return Refusal("older_than_retention", detail, "ts")


def hint_at_seconds(time: int) -> str:
    """What to say of a time (in microseconds) that would be about now if it had been given in seconds; else nothing."""
    return "looks like seconds; milliseconds are expected" if looks_like_seconds(time, now_us()) else ""

from __future__ import annotations

from django.db import models

from devices.registry.models import Metric
from devices.values import MAX_TEXT


class Reading(models.Model):
    """A stored sample. Because of its key, a sample that the broker delivers twice is stored once.

    Charts draw `number`; `text` is set if a double alone would lose the value:

    ============ ========== =================
    value        number     text
    ============ ========== =================
    21.5, 40     21.5, 40.0 NULL
    true, false  1.0, 0.0   "true", "false"
    2**60        2.0**60    "1152921504606846976"
    "open"       NULL       "open"
    ============ ========== =================
    """

    pk = models.CompositePrimaryKey("metric_id", "time")
    metric = models.ForeignKey(Metric, models.CASCADE, db_index=False)
    time = models.BigIntegerField(help_text="microseconds since 1970 UTC")
    number = models.FloatField(null=True)
    text = models.CharField(max_length=MAX_TEXT, null=True)  # noqa: DJ001 - NULL and "" differ, see above

    def __str__(self) -> str:
        return f"{self.metric_id} at {self.time}"


class Rollup(models.Model):
    """The numbers of a metric in a bucket of `seconds` (60, 3,600 or 86,400) from `start`, a multiple of that."""

    pk = models.CompositePrimaryKey("metric_id", "seconds", "start")
    metric = models.ForeignKey(Metric, models.CASCADE, db_index=False)
    seconds = models.IntegerField(help_text="length of the bucket")
    start = models.BigIntegerField(help_text="microseconds since 1970 UTC")
    count = models.BigIntegerField()
    min = models.FloatField()
    max = models.FloatField()
    mean = models.FloatField()
    last = models.FloatField(help_text="value of the newest reading in the bucket")

    def __str__(self) -> str:
        return f"{self.seconds} s of {self.metric_id} from {self.start}"


class LateHour(models.Model):
    """An hour whose rollups are out of date: readings arrived for it after it had been rolled up.

    `version` rises with each late batch. The job that has computed the hour again deletes the row only if the version
    is still the one that it began with.
    """

    pk = models.CompositePrimaryKey("metric_id", "start")
    metric = models.ForeignKey(Metric, models.CASCADE, db_index=False)
    start = models.BigIntegerField(help_text="microseconds since 1970 UTC, a whole hour")
    version = models.BigIntegerField(default=1)

    def __str__(self) -> str:
        return f"{self.metric_id} from {self.start}"


class Watermark(models.Model):
    """The time up to which all readings have passed a stage, for all metrics alike: see `telemetry.watermarks`."""

    name = models.CharField(primary_key=True, max_length=32)
    time = models.BigIntegerField(help_text="microseconds since 1970 UTC")

    def __str__(self) -> str:
        return f"{self.name} at {self.time}"

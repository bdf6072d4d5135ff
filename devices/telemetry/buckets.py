"""SQL that aggregates readings, or shorter rollups, into buckets of equal length."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from django.db import connection

from devices.registry.models import Metric
from devices.telemetry.models import Reading, Rollup

MINUTE, HOUR, DAY = 60, 3_600, 86_400
"""In seconds."""
US = 1_000_000
"""Microseconds in a second."""


@dataclass(frozen=True, slots=True)
class BucketSource:
    """A table to aggregate, and its columns. `seconds`: the length of a row's bucket, 0 for a raw reading; `key`
    selects the rows of the table, in addition to the metric."""

    seconds: int
    table: str
    key: str
    time: str
    count: str
    low: str
    high: str
    mean: str
    last: str

    @property
    def us(self) -> int:
        """The length of a row's bucket in microseconds; 1 for a reading."""
        return self.seconds * US or 1


RAW = BucketSource(0, Reading._meta.db_table, "true", "time", "1", "number", "number", "number", "number")


def _rollup(seconds: int) -> BucketSource:
    return BucketSource(
        seconds, Rollup._meta.db_table, f"seconds = {seconds}", "start", "count", "min", "max", "mean", "last"
    )


MINUTES, HOURS, DAYS = _rollup(MINUTE), _rollup(HOUR), _rollup(DAY)
SOURCES = (RAW, MINUTES, HOURS, DAYS)
"""Finest first; each divides the next."""


def _float(number: float) -> str:
    return f"CAST({number!r} AS double precision)"


# Sums of large numbers exceed the range of a double, where SQLite returns Infinity and PostgreSQL fails. So numbers are
# divided by 2**30 before they are summed, which loses no digit. PostgreSQL also fails on numbers that are too close to
# 0 for that: these count as 0, and afterwards the mean is clamped between minimum and maximum.
_SCALE = _float(2.0**30)
_UNSCALE = _float(2.0**-30)
_TINY = _float(1e-200)
_LIMIT = _float(sys.float_info.max * 2.0**-30)


def select_buckets(source: BucketSource, width: int, start: int, end: int, metric_id: int | None = None) -> str:
    """A SELECT of `(metric_id, start, count, low, high, mean, last)`: one row for each bucket that holds numbers.

    It aggregates the rows of `source` from `start` to before `end`, of one metric or of all, into buckets of `width`;
    all of them in microseconds.
    """
    within = f"{source.key} AND {source.mean} IS NOT NULL AND {source.time} >= {start} AND {source.time} < {end}"
    least, greatest = ("min", "max") if connection.vendor == "sqlite" else ("LEAST", "GREATEST")
    mean = f"{greatest}(-{_LIMIT}, {least}({_LIMIT}, scaled / count)) * {_SCALE}"
    return f"""
        SELECT metric_id, start, count, low, high, {greatest}(low, {least}(high, {mean})) AS mean,
            (SELECT {source.last} FROM {source.table}
             WHERE metric_id = bucket.metric_id AND {within} AND {source.time} = newest) AS last
        FROM (
            SELECT metric.id AS metric_id, {source.time} / {width} * {width} AS start,
                CAST(sum({source.count}) AS bigint) AS count, min({source.low}) AS low, max({source.high}) AS high,
                sum(CASE WHEN abs({source.mean}) < {_TINY} THEN {_float(0.0)}
                    ELSE {source.mean} * {_UNSCALE} * {source.count} END) AS scaled,
                max({source.time}) AS newest
            FROM {_rows(source.table, within)}{"" if metric_id is None else f" AND metric.id = {metric_id}"}
            GROUP BY 1, 2
        ) bucket
    """  # noqa: S608 - constants and whole numbers


def _rows(table: str, within: str) -> str:
    """A join that is executed metric by metric, each with one seek in the key (metric, time).

    Left to itself, a planner may scan the whole table because it takes a short time for a large part of it.
    """
    metrics = Metric._meta.db_table
    if connection.vendor == "sqlite":
        return f"{metrics} metric CROSS JOIN {table} source WHERE metric_id = metric.id AND {within}"
    rows = f"SELECT * FROM {table} WHERE metric_id = metric.id AND {within} OFFSET 0"  # noqa: S608 - constants
    return f"{metrics} metric CROSS JOIN LATERAL ({rows}) source WHERE true"

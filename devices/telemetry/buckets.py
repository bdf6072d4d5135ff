"""SQL that gathers readings, or shorter rollups, into buckets of equal length."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from django.db import connection

from devices.registry.models import Metric
from devices.telemetry.models import Reading, Rollup

MINUTE, HOUR, DAY = 60, 3_600, 86_400
"""Seconds."""
US = 1_000_000
"""Microseconds of a second."""


@dataclass(frozen=True, slots=True)
class Source:
    """A table to gather from, and its columns. `seconds`: how long a row lasts, 0 for a raw reading; `key` tells which
    rows of the table, beside the metric."""

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
        """How long a row lasts in microseconds: a reading takes up one."""
        return self.seconds * US or 1


RAW = Source(0, Reading._meta.db_table, "true", "time", "1", "number", "number", "number", "number")


def _rollup(seconds: int) -> Source:
    return Source(
        seconds, Rollup._meta.db_table, f"seconds = {seconds}", "start", "count", "min", "max", "mean", "last"
    )


MINUTES, HOURS, DAYS = _rollup(MINUTE), _rollup(HOUR), _rollup(DAY)
SOURCES = (RAW, MINUTES, HOURS, DAYS)
"""Finest first; each divides the next."""


def _float(number: float) -> str:
    return f"CAST({number!r} AS double precision)"


# Sums of large numbers pass the range of a double, where SQLite answers Infinity and PostgreSQL fails. So they are
# summed as parts of 2**30, which loses no digit. What is too near to 0 for that, PostgreSQL fails on again: it counts
# as 0, and the mean is put between minimum and maximum afterwards.
_SCALE = _float(2.0**30)
_UNSCALE = _float(2.0**-30)
_TINY = _float(1e-200)
_LIMIT = _float(sys.float_info.max * 2.0**-30)


def gathered(source: Source, width: int, start: int, end: int, metric_id: int | None = None) -> str:
    """A SELECT of `(metric_id, start, count, min, max, mean, last)`, a row a bucket of `width` that holds numbers.

    Of the rows of `source` from `start` to before `end`, of one metric or of all; all in microseconds.
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
    """  # noqa: S608 - names of the code and whole numbers


def _rows(table: str, within: str) -> str:
    """A join that is walked metric by metric, each one seek in the key (metric, time).

    Left to choose, a planner may take the whole table where it thinks of a short time as much of it.
    """
    metrics = Metric._meta.db_table
    if connection.vendor == "sqlite":
        return f"{metrics} metric CROSS JOIN {table} source WHERE metric_id = metric.id AND {within}"
    rows = f"SELECT * FROM {table} WHERE metric_id = metric.id AND {within} OFFSET 0"  # noqa: S608 - names of the code
    return f"{metrics} metric CROSS JOIN LATERAL ({rows}) source WHERE true"

"""The history of a metric, raw or in buckets, as columns."""

from __future__ import annotations

from typing import Any, TypedDict

from django.db import connection
from django.db.models import QuerySet

from devices.registry import metrics
from devices.registry.models import Device
from devices.telemetry.buckets import MINUTES, RAW, SOURCES, BucketSource, select_buckets
from devices.telemetry.columns import from_columns
from devices.telemetry.models import Reading
from devices.telemetry.watermarks import ROLLED, watermark

MAX_POINTS = 5_000
"""The most points of one answer."""
MAX_AGGREGATED = 300_000
"""The most readings that are aggregated for one answer. For more, its buckets last a minute or longer: these the worker
has computed already."""

_MS, _SECOND, _MINUTE, _HOUR, _DAY = 1_000, 1_000_000, 60_000_000, 3_600_000_000, 86_400_000_000
WIDTHS = (
    *(count * _MS for count in (1, 2, 5, 10, 20, 50, 100, 200, 500)),
    *(count * _SECOND for count in (1, 2, 5, 10, 15, 30)),
    *(count * _MINUTE for count in (1, 2, 5, 10, 15, 30)),
    *(count * _HOUR for count in (1, 2, 3, 6, 12)),
    *(count * _DAY for count in (1, 2, *(7 * 2**i for i in range(15)))),
)
"""Lengths of a bucket in microseconds, fixed so that two requests get equal buckets; the last exceeds any history."""


class Columns(TypedDict, total=False):
    """`t` in milliseconds, ascending. `v` holds raw readings; the other columns hold buckets, and `t` their start."""

    metric: str
    resolution: str
    t: list[int]
    v: list[Any]
    min: list[float]
    max: list[float]
    mean: list[float]
    last: list[float]
    count: list[int]


def history(device: Device, metric: str, start: int, end: int, points: int) -> Columns:
    """Readings of `metric` from `start` to before `end` (microseconds), as at most `points` points.

    Raw readings if they fit and are still stored, otherwise buckets. Buckets are whole: the first and the last may
    include readings outside the window, and if `points` is 1 there may be two. They have a minimum and a maximum, so
    no peak disappears. Late readings may be missing from them until the worker's next step. Of a metric without
    numbers, the newest `points` readings are returned raw. Raises `NotFound` for an unknown metric.
    """
    found = metrics.by_any_name(device, metric)
    rolled = watermark(ROLLED)  # read first: what is rolled up from now on is aggregated from its readings
    extent = _extent(found.id, start, end)
    finest = next(source for source in SOURCES if _is_complete(found.id, source, extent))
    readings = Reading.objects.filter(metric=found, time__gte=start, time__lt=end)
    if finest is RAW and (_fit(readings, points) or _are_texts(readings, points)):
        return _raw(metric, readings, points)
    start = max(start, min(first for first, _ in extent.values()))
    end = min(end, max(last + source.us for source, (_, last) in extent.items()))
    width = _width(start, end, points, finest.us)
    if width % MINUTES.us and not _fit(readings, MAX_AGGREGATED):
        width = _width(start, end, points, MINUTES.us)
    coarsest = max((source for source in SOURCES if width % source.us == 0), key=lambda source: source.us)
    return _columns(metric, width, _buckets(found.id, coarsest, width, start, end, rolled))


def _extent(metric_id: int, start: int, end: int) -> dict[BucketSource, tuple[int, int]]:
    """Source -> start of its first and of its last row within the window; only sources that have rows there."""
    seeks = [
        f"(SELECT {edge}({source.time}) FROM {source.table} WHERE metric_id = {metric_id} AND {source.key}"  # noqa: S608
        f" AND {source.time} >= {start // source.us * source.us} AND {source.time} < {end})"
        for source in SOURCES
        for edge in ("min", "max")
    ]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(seeks)}")
        edges = cursor.fetchone()
    pairs = zip(SOURCES, edges[::2], edges[1::2], strict=True)
    return {source: (first, last) for source, first, last in pairs if first is not None}


def _is_complete(metric_id: int, source: BucketSource, extent: dict[BucketSource, tuple[int, int]]) -> bool:
    """Whether `source` still has rows for every longer rollup of the window, that is, nothing was removed from it.

    If a source is complete, the coarser ones are too: a rollup is kept at least as long as what it was made from.
    """
    coarser = [(other, first) for other, (first, _) in extent.items() if other.us > source.us]
    return all(_has_rows(metric_id, source, first, first + other.us) for other, first in coarser)


def _has_rows(metric_id: int, source: BucketSource, start: int, end: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT 1 FROM {source.table} WHERE metric_id = {metric_id} AND {source.key}"  # noqa: S608
            f" AND {source.time} >= {start} AND {source.time} < {end} LIMIT 1"
        )
        return cursor.fetchone() is not None


def _fit(readings: QuerySet[Reading], points: int) -> bool:
    """Whether there are at most `points` readings, without counting further."""
    return not readings.order_by("time").values_list("time")[points : points + 1]


def _are_texts(readings: QuerySet[Reading], points: int) -> bool:
    """Whether none of the newest `points` readings is a number."""
    newest = readings.order_by("-time").values_list("number", flat=True)
    return newest[0] is None and all(number is None for number in newest[:points])


def _raw(metric: str, readings: QuerySet[Reading], points: int) -> Columns:
    rows = list(readings.order_by("-time").values_list("time", "number", "text")[:points])[::-1]
    return {
        "metric": metric,
        "resolution": "raw",
        "t": [time // 1000 for time, _, _ in rows],
        "v": [from_columns(number, text) for _, number, text in rows],
    }


def _width(start: int, end: int, points: int, unit: int) -> int:
    """The shortest width that covers the window with `points` buckets and is a multiple of `unit`."""
    most = max(points, 2)  # a window across a boundary always touches two buckets
    return next(width for width in WIDTHS if width % unit == 0 and -(-end // width) - start // width <= most)


_Bucket = tuple[int, float, float, float, float]
"""Count, min, max, mean, last."""


def _buckets(
    metric_id: int, coarsest: BucketSource, width: int, start: int, end: int, rolled: int
) -> dict[int, _Bucket]:
    """Start -> bucket: from the coarsest rollups up to where they are complete, then from finer ones, then raw."""
    found: dict[int, _Bucket] = {}
    begin, end = start // width * width, -(-end // width) * width
    for source in sorted(SOURCES, key=lambda source: -source.us):
        until = end if source is RAW else min(end, rolled // source.us * source.us)
        if source.us > coarsest.us or until <= begin:
            continue
        with connection.cursor() as cursor:
            cursor.execute(select_buckets(source, width, begin, until, metric_id))
            for _, at, count, low, high, mean, last in cursor.fetchall():
                found[at] = _merged(found.get(at), (count, low, high, mean, last))
        begin = until
    return found


def _merged(earlier: _Bucket | None, later: _Bucket) -> _Bucket:
    if earlier is None:
        return later
    count = earlier[0] + later[0]
    low, high = min(earlier[1], later[1]), max(earlier[2], later[2])
    mean = earlier[3] * (earlier[0] / count) + later[3] * (later[0] / count)
    return count, low, high, max(low, min(high, mean)), later[4]


def _columns(metric: str, width: int, buckets: dict[int, _Bucket]) -> Columns:
    starts = sorted(buckets)
    rows = [buckets[start] for start in starts]
    return {
        "metric": metric,
        "resolution": f"{width // _SECOND if width % _SECOND == 0 else width / _SECOND}s",
        "t": [start // 1000 for start in starts],
        "min": [low for _, low, _, _, _ in rows],
        "max": [high for _, _, high, _, _ in rows],
        "mean": [mean for _, _, _, mean, _ in rows],
        "last": [last for _, _, _, _, last in rows],
        "count": [count for count, _, _, _, _ in rows],
    }

"""The job that removes readings and rollups which are older than their metric keeps them.

The newest reading of a metric stays, however old: it is the last known value of a device that has become silent.
Readings that have not been rolled up yet stay as well.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connection, transaction

from devices.runtime import stats
from devices.telemetry import partitions
from devices.telemetry.models import Reading, Rollup
from devices.telemetry.retention import policy
from devices.telemetry.retention.policy import KINDS, MetricGroup
from devices.telemetry.watermarks import settled_until
from devices.values import now_us

logger = logging.getLogger("hubbub.retention")

ROWS_AT_ONCE = 1_000
"""Rows of one statement."""
TRANSACTION_S = 0.03
"""A transaction ends with the first statement after this: SQLite has a single writer, and ingest waits for it."""
PAUSE_S = 0.03
"""Pause between two transactions, in which a transaction that waits for SQLite can begin."""
STEP_S = 1.0
"""How long one step lasts before other jobs have their turn."""


def remove_outdated() -> bool:
    """Removes as much as one step can. Returns whether there is more to do at once."""
    now = now_us()
    groups = policy.metric_groups()
    settled = settled_until()
    _clear_partitions(groups, now, settled)
    todo = list(_outdated(groups, now, settled))
    return remove(todo)


def _clear_partitions(groups: list[MetricGroup], now: int, settled: int) -> None:
    """Clears the weeks that are older than any metric keeps its readings."""
    oldest = _oldest_kept(groups, now)
    if oldest is None:
        return
    for week in partitions.weeks_until(min(oldest, settled)):
        removed = partitions.clear(week)
        if removed is None:
            logger.warning("readings are in use: the partition %s will be dropped at the next turn", week.table)
            return
        if removed:
            logger.info("removed the readings of the partition %s", week.table)
            stats.removed.labels(KINDS[0]).inc(removed)


def _oldest_kept(groups: list[MetricGroup], now: int) -> int | None:
    """The time before which no metric keeps readings; None if one keeps them for ever, or if there are no metrics."""
    days = [group.retention.raw_days for group in groups]
    return policy.cutoff(max(days), now) if days and all(days) else None


@dataclass(slots=True)
class Outdated:
    """A metric's rows of one kind from before `until` (microseconds). `seconds`: as in `Rollup`, 0 for readings.

    `kind`: the label under which they are counted, if it is not the name of their kind.
    """

    metric_id: int
    seconds: int
    until: int
    kind: str = ""


def _outdated(groups: list[MetricGroup], now: int, settled: int) -> Iterator[Outdated]:
    oldest = _oldest_kept(groups, now)
    for group in groups:
        for seconds in KINDS:
            days = group.retention.days(seconds)
            until = min(policy.cutoff(days, now), settled)
            if not days or (seconds == 0 and until == oldest and connection.vendor == "postgresql"):
                continue  # kept for ever, or removed with its partition
            for metric_id, last in policy.with_outdated(group.metrics, seconds, until).values_list("id", "last"):
                yield Outdated(metric_id, seconds, until if seconds else min(until, last))


def remove(todo: list[Outdated]) -> bool:
    """Removes the rows for `STEP_S`, and from the list what is done; returns whether some are left."""
    end = time.monotonic() + STEP_S
    while todo:
        with transaction.atomic():
            until = time.monotonic() + TRANSACTION_S
            while todo:
                if _remove_some(todo[-1]) < ROWS_AT_ONCE:
                    todo.pop()
                if time.monotonic() >= until:
                    break
        if todo and time.monotonic() >= end:
            return True
        time.sleep(PAUSE_S)
    return False


_READINGS, _ROLLUPS = Reading._meta.db_table, Rollup._meta.db_table


def _remove_some(outdated: Outdated) -> int:
    """Removes the oldest rows, at most about `ROWS_AT_ONCE`, along the table's key; returns how many."""
    if outdated.seconds:
        table, key, rows = _ROLLUPS, "start", f"metric_id = %s AND seconds = {outdated.seconds}"
    else:
        table, key, rows = _READINGS, "time", "metric_id = %s"
    with connection.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM {table} WHERE {rows} AND {key} < %s AND {key} <= coalesce((SELECT {key} FROM {table}"  # noqa: S608 - constants
            f" WHERE {rows} AND {key} < %s ORDER BY {key} LIMIT 1 OFFSET {ROWS_AT_ONCE - 1}), %s)",
            [outdated.metric_id, outdated.until, outdated.metric_id, outdated.until, outdated.until],
        )
        removed: int = cursor.rowcount
    stats.removed.labels(outdated.kind or KINDS[outdated.seconds]).inc(removed)
    return removed

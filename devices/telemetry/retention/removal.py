"""Removes readings and rollups that are older than their space, or their metric, keeps them.

The newest reading of a metric stays, however old: it is what a device that has fallen silent is known by. Readings of
which rollups are still to be made stay too.
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
from devices.telemetry.retention.policy import KINDS, Group
from devices.telemetry.watermarks import settled_until
from devices.values import now_us

logger = logging.getLogger("hubbub.retention")

ROWS_AT_ONCE = 1_000
"""Rows of one statement."""
TRANSACTION_S = 0.03
"""After this a transaction ends with the statement under way: SQLite has one writer, and ingest waits for it."""
PAUSE_S = 0.03
"""Between two transactions, so that whoever waits for SQLite finds it free."""
STEP_S = 1.0
"""How long one step goes on before other jobs have their turn."""


def apply() -> bool:
    """One step. Whether there is more to do at once."""
    now = now_us()
    groups = policy.groups()
    settled = settled_until()
    _clear_partitions(groups, now, settled)
    todo = list(_outdated(groups, now, settled))
    return _remove(todo)


def _clear_partitions(groups: list[Group], now: int, settled: int) -> None:
    """Drops what is older than every metric keeps its readings."""
    oldest = _oldest_kept(groups, now)
    if oldest is None:
        return
    for week in partitions.weeks_until(min(oldest, settled)):
        removed = partitions.clear(week)
        if removed is None:
            logger.warning("readings are in use: the partition %s is dropped at the next turn", week.table)
            return
        if removed:
            logger.info("removed the readings of the partition %s", week.table)
            stats.removed.labels(KINDS[0]).inc(removed)


def _oldest_kept(groups: list[Group], now: int) -> int | None:
    """The time before which no metric keeps readings; None: one keeps them for ever, or there is no metric."""
    days = [group.retention.raw_days for group in groups]
    return policy.limit(max(days), now) if days and all(days) else None


@dataclass(slots=True)
class _Outdated:
    """A metric's rows of one kind (`seconds` as in `Rollup`, 0: readings) from before `until`, in microseconds."""

    metric_id: int
    seconds: int
    until: int


def _outdated(groups: list[Group], now: int, settled: int) -> Iterator[_Outdated]:
    oldest = _oldest_kept(groups, now)
    for group in groups:
        for seconds in KINDS:
            days = group.retention.days(seconds)
            until = min(policy.limit(days, now), settled)
            if not days or (seconds == 0 and until == oldest and connection.vendor == "postgresql"):
                continue  # kept, or gone with its partition
            for metric_id, last in policy.older(group.metrics, seconds, until).values_list("id", "last"):
                yield _Outdated(metric_id, seconds, until if seconds else min(until, last))


def _remove(todo: list[_Outdated]) -> bool:
    """Whether some is left after `STEP_S`."""
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


def _remove_some(outdated: _Outdated) -> int:
    """Removes the oldest rows, at most about `ROWS_AT_ONCE`, along the table's key; returns how many."""
    if outdated.seconds:
        table, key, rows = _ROLLUPS, "start", f"metric_id = %s AND seconds = {outdated.seconds}"
    else:
        table, key, rows = _READINGS, "time", "metric_id = %s"
    with connection.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM {table} WHERE {rows} AND {key} < %s AND {key} <= coalesce((SELECT {key} FROM {table}"  # noqa: S608 - names of the code
            f" WHERE {rows} AND {key} < %s ORDER BY {key} LIMIT 1 OFFSET {ROWS_AT_ONCE - 1}), %s)",
            [outdated.metric_id, outdated.until, outdated.metric_id, outdated.until, outdated.until],
        )
        removed: int = cursor.rowcount
    stats.removed.labels(KINDS[outdated.seconds]).inc(removed)
    return removed

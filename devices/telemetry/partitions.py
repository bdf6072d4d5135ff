"""Weekly partitions of the readings on PostgreSQL: old readings are removed by dropping a table, not row by row.

On SQLite there are no partitions, and nothing here has any effect. If the TimescaleDB extension is installed, it
manages the weeks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from django.db import OperationalError, connection, transaction
from django.db.backends.utils import CursorWrapper

from devices.registry.models import Metric
from devices.telemetry.models import Reading
from devices.values import now_us

WEEK_US = 7 * 86_400_000_000
"""Length of a partition in microseconds; weeks are counted from 1970-01-01, a Thursday."""
AHEAD = 2
"""Weeks whose partitions are created before they begin."""
LOCK_WAIT_MS = 200
"""How long clearing a week waits for transactions that read or write: others queue up behind it in the meantime."""

_TABLE = Reading._meta.db_table
_METRICS = Metric._meta.db_table
_NAME = re.compile(rf"{_TABLE}_(\d{{8}})")
_LOCK = 0x4875627742
"""Key of an advisory lock: held by the transaction that creates or clears partitions."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Week:
    """A partition: its table, and its readings' times, from `start` to before `end` in microseconds."""

    number: int

    @property
    def start(self) -> int:
        return self.number * WEEK_US

    @property
    def end(self) -> int:
        return self.start + WEEK_US

    @property
    def table(self) -> str:
        return f"{_TABLE}_{_EPOCH + timedelta(weeks=self.number):%Y%m%d}"


class Partitions:
    """Creates partitions and remembers which ones exist. Used from one thread at a time."""

    def __init__(self) -> None:
        self._known: set[int] = set()

    def ensure(self, times: Iterable[int]) -> None:
        """Creates the partitions for readings of these times, in the transaction that stores them.

        Two transactions that create metrics and partitions at the same moment may deadlock. Then the database aborts
        one of them, and it is tried again like any that fails.
        """
        if connection.vendor != "postgresql":
            return
        missing = {time // WEEK_US for time in times} - self._known
        if not missing:
            return
        with connection.cursor() as cursor:
            if not has_timescale(cursor):
                _create_all(cursor, missing)
        # Not before the commit: a partition that is rolled back does not exist.
        transaction.on_commit(lambda: self._known.update(missing))

    def create_ahead(self) -> bool:
        """A step of the worker: creates the partition of this week and of the next ones. Returns False: all is done."""
        now = now_us()
        with transaction.atomic():
            self.ensure(now + ahead * WEEK_US for ahead in range(AHEAD + 1))
        return False

    def forget(self) -> None:
        """Checks the database again next time: another process may have dropped a partition that is remembered."""
        self._known.clear()


def _create_all(cursor: CursorWrapper, numbers: set[int]) -> None:
    # Without the lock, since most exist: a store that has just been made would wait for one that creates another week.
    existing = {number for number in numbers if _exists(cursor, Week(number))}
    if numbers == existing:
        return
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    for number in sorted(numbers - existing):
        create(cursor, Week(number))


def _exists(cursor: CursorWrapper, week: Week) -> bool:
    # Not `to_regclass`: asked again once the lock is ours, it may repeat its cached answer from before.
    cursor.execute(
        "SELECT EXISTS (SELECT 1 FROM pg_tables WHERE tablename = %s AND schemaname = current_schema())", [week.table]
    )
    return bool(cursor.fetchone()[0])


def create(cursor: CursorWrapper, week: Week) -> None:
    """Creates the partition unless it exists. `CREATE TABLE … PARTITION OF` would block ingest in the meantime."""
    if not _exists(cursor, week):
        cursor.execute(f"CREATE TABLE {week.table} (LIKE {_TABLE} INCLUDING ALL)")
        cursor.execute(
            f"ALTER TABLE {_TABLE} ATTACH PARTITION {week.table} FOR VALUES FROM ({week.start}) TO ({week.end})"
        )


def weeks_until(time: int) -> list[Week]:
    """The partitions that end at `time` (microseconds) or earlier, oldest first; empty on SQLite."""
    if connection.vendor != "postgresql":
        return []
    with connection.cursor() as cursor:
        if has_timescale(cursor):
            cursor.execute(
                "SELECT DISTINCT range_start_integer FROM timescaledb_information.chunks WHERE hypertable_name = %s",
                [_TABLE],
            )
            found = [Week(start // WEEK_US) for (start,) in cursor]
        else:
            cursor.execute("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass", [_TABLE])
            found = [_week_of(name[1]) for (text,) in cursor if (name := _NAME.search(text))]
    return sorted((week for week in found if week.end <= time), key=lambda week: week.number)


def clear(week: Week) -> int | None:
    """Removes the week's readings, except for those that are the newest of their metric; drops an empty partition.

    Returns about how many were removed, as the database estimates; None if transactions have been using the readings
    for so long that the week has to be cleared another time. Raises the database's other errors.
    """
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = {LOCK_WAIT_MS}")
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
            return _clear(cursor, week)
    except OperationalError as error:
        if isinstance(error.__cause__, (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)):
            return None
        raise


def _clear(cursor: CursorWrapper, week: Week) -> int:
    kept = _newest(cursor, week)
    if kept and _holds_no_more_than(cursor, week, len(kept)):
        return 0
    size = _size(cursor, week)
    if has_timescale(cursor):
        cursor.execute(
            "SELECT drop_chunks(%s::regclass, older_than => %s, newer_than => %s)", [_TABLE, week.end, week.start]
        )
    else:
        # TRUNCATE locks only the partition, DROP all of them.
        cursor.execute(f"TRUNCATE {week.table}" if kept else f"DROP TABLE {week.table}")
    cursor.executemany(
        f"INSERT INTO {_TABLE} (metric_id, time, number, text) VALUES (%s, %s, %s, %s)",  # noqa: S608 - a constant
        kept,
    )
    return max(0, size - len(kept))


def _newest(cursor: CursorWrapper, week: Week) -> list[tuple[Any, ...]]:
    """The readings of the week that are the newest of their metric. Two index seeks per metric."""
    cursor.execute(f"""
        SELECT metric.id, time, number, text FROM {_METRICS} metric CROSS JOIN LATERAL (
            SELECT time, number, text FROM {_TABLE}
            WHERE metric_id = metric.id AND time >= {week.start} AND time < {week.end} ORDER BY time DESC LIMIT 1
        ) last
        WHERE NOT EXISTS (SELECT 1 FROM {_TABLE} WHERE metric_id = metric.id AND time >= {week.end})
    """)  # noqa: S608 - constants and whole numbers
    return cursor.fetchall()


def _holds_no_more_than(cursor: CursorWrapper, week: Week, count: int) -> bool:
    within = f"{_TABLE} WHERE time >= {week.start} AND time < {week.end}"
    cursor.execute(f"SELECT count(*) FROM (SELECT 1 FROM {within} LIMIT {count + 1}) found")  # noqa: S608 - as above
    return cursor.fetchone()[0] <= count


def _size(cursor: CursorWrapper, week: Week) -> int:
    cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE oid = to_regclass(%s)", [week.table])
    row = cursor.fetchone()
    return row[0] if row else 0


def has_timescale(cursor: CursorWrapper) -> bool:
    """Whether TimescaleDB manages the partitions."""
    cursor.execute("SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'")
    return cursor.fetchone() is not None


def _week_of(day: str) -> Week:
    return Week((datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC) - _EPOCH) // timedelta(weeks=1))

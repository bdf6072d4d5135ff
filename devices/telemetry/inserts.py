"""The statements that write readings: one for all rows of a batch, on each database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from django.db import connection

from devices.telemetry.models import Reading

ReadingRow = tuple[int, int, float | None, str | None]
"""Metric id, time, number and text of a reading."""

_TABLE = Reading._meta.db_table
_OF_ARRAYS = "unnest(%s::bigint[], %s::bigint[], %s::float8[], %s::text[])"
_INSERT = f"INSERT INTO {_TABLE} (metric_id, time, number, text) {{}} ON CONFLICT DO NOTHING"
_INSERT_ARRAYS = _INSERT.format(f"SELECT * FROM {_OF_ARRAYS}")  # noqa: S608 - constants
# The limits of time let PostgreSQL leave out partitions.
_REPLACE_BY_ARRAYS = (
    f"UPDATE {_TABLE} AS old SET number = new.number, text = new.text"  # noqa: S608 - constants
    f" FROM {_OF_ARRAYS} AS new (metric_id, time, number, text)"
    " WHERE old.metric_id = new.metric_id AND old.time = new.time AND old.time BETWEEN %s AND %s"
    " AND (old.number IS DISTINCT FROM new.number OR old.text IS DISTINCT FROM new.text)"
)


_NUMBERS_OF_ARRAYS = (
    f"SELECT old.metric_id, old.time FROM {_TABLE} AS old"  # noqa: S608 - constants
    " JOIN unnest(%s::bigint[], %s::bigint[]) AS new (metric_id, time) USING (metric_id, time)"
    " WHERE old.number IS NOT NULL AND old.time BETWEEN %s AND %s"
)


def _values(rows: int, columns: int = 4) -> str:
    row = f"({', '.join('?' * columns)})"
    return f"VALUES {', '.join([row] * rows)}"


_SIZES = (240, 60, 15, 1)
"""Rows of one statement. `executemany` on SQLite lets another thread run after each row: while the event loop is busy,
waiting for it costs many times what the row costs. Older SQLite versions take 999 parameters."""
_INSERT_ROWS = {rows: _INSERT.format(_values(rows)) for rows in _SIZES}
_REPLACE_BY_ROWS = {
    rows: f"UPDATE {_TABLE} AS old SET number = new.column3, text = new.column4"  # noqa: S608 - constants
    f" FROM ({_values(rows)}) AS new WHERE old.metric_id = new.column1 AND old.time = new.column2"
    " AND (old.number IS NOT new.column3 OR old.text IS NOT new.column4)"
    for rows in _SIZES
}


_NUMBERS_OF_ROWS = {
    rows: f"SELECT old.metric_id, old.time FROM ({_values(rows, 2)}) AS new"  # noqa: S608 - constants
    f" CROSS JOIN {_TABLE} AS old WHERE old.metric_id = new.column1 AND old.time = new.column2"
    " AND old.number IS NOT NULL"
    for rows in _SIZES
}


def insert(rows: Sequence[ReadingRow]) -> int:
    """Stores the rows whose (metric, time) is new; how many these were. Of two in one batch the first is stored."""
    if connection.vendor != "postgresql":
        return sum(cursor.rowcount for cursor in _in_pieces(_INSERT_ROWS, rows))
    with connection.cursor() as cursor:
        cursor.execute(_INSERT_ARRAYS, _arrays(rows))
        return cursor.rowcount


def replace(rows: Sequence[ReadingRow]) -> int:
    """Gives the stored readings the values of these rows, one for each (metric, time); how many have changed."""
    if not rows:
        return 0
    if connection.vendor != "postgresql":
        return sum(cursor.rowcount for cursor in _in_pieces(_REPLACE_BY_ROWS, rows))
    # Sorted, so that two transactions cannot deadlock.
    ordered = sorted(rows, key=lambda row: row[:2])
    with connection.cursor() as cursor:
        cursor.execute(_REPLACE_BY_ARRAYS, [*_arrays(ordered), *_limits(ordered)])
        return cursor.rowcount


def numbers_at(rows: Sequence[ReadingRow]) -> list[tuple[int, int]]:
    """(Metric id, time) of those rows at whose place a number is stored."""
    keys = [row[:2] for row in rows]
    if not keys:
        return []
    if connection.vendor != "postgresql":
        return [key for cursor in _in_pieces(_NUMBERS_OF_ROWS, keys) for key in cursor.fetchall()]
    with connection.cursor() as cursor:
        cursor.execute(_NUMBERS_OF_ARRAYS, [*_arrays(keys), *_limits(rows)])
        return cursor.fetchall()


def _limits(rows: Sequence[ReadingRow]) -> tuple[int, int]:
    times = [row[1] for row in rows]
    return min(times), max(times)


def _arrays(rows: Sequence[tuple[object, ...]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)] or [[], [], [], []]


def _in_pieces(statements: dict[int, str], rows: Sequence[tuple[object, ...]]) -> Iterator[Any]:
    """On SQLite: executes the statements for as many rows as each takes, and gives the cursor after each."""
    start = 0
    with connection.cursor() as cursor:
        for size, statement in statements.items():
            while len(rows) - start >= size:
                # The cursor beneath: with DEBUG=1 Django's own fails to put the parameters in place of "?".
                with connection.wrap_database_errors:
                    cursor.cursor.execute(statement, list(chain.from_iterable(rows[start : start + size])))
                yield cursor.cursor
                start += size

"""The statements that write readings: one for all rows of a batch, on each database."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

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


def _values(rows: int) -> str:
    return f"VALUES {', '.join(['(?, ?, ?, ?)'] * rows)}"


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


def insert(rows: Sequence[ReadingRow]) -> int:
    """Stores the rows whose (metric, time) is new; how many these were. Of two in one batch the first is stored."""
    if connection.vendor != "postgresql":
        return _in_pieces(_INSERT_ROWS, rows)
    with connection.cursor() as cursor:
        cursor.execute(_INSERT_ARRAYS, _arrays(rows))
        return cursor.rowcount


def replace(rows: Sequence[ReadingRow]) -> int:
    """Gives the stored readings the values of these rows, the last of each (metric, time); how many have changed."""
    last = list({(row[0], row[1]): row for row in rows}.values())
    if not last:
        return 0
    if connection.vendor != "postgresql":
        return _in_pieces(_REPLACE_BY_ROWS, last)
    # Sorted, so that two transactions cannot deadlock.
    last.sort(key=lambda row: row[:2])
    times = [time for _, time, _, _ in last]
    with connection.cursor() as cursor:
        cursor.execute(_REPLACE_BY_ARRAYS, [*_arrays(last), min(times), max(times)])
        return cursor.rowcount


def _arrays(rows: Sequence[ReadingRow]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)] or [[], [], [], []]


def _in_pieces(statements: dict[int, str], rows: Sequence[ReadingRow]) -> int:
    """On SQLite: executes the statements for as many rows as each takes; the rows that were written."""
    start = written = 0
    with connection.cursor() as cursor:
        for size, statement in statements.items():
            while len(rows) - start >= size:
                # The cursor beneath: with DEBUG=1 Django's own fails to put the parameters in place of "?".
                with connection.wrap_database_errors:
                    cursor.cursor.execute(statement, list(chain.from_iterable(rows[start : start + size])))
                written += cursor.cursor.rowcount
                start += size
    return written

"""SQLite keeps readings and rollups in the order of their keys, a metric's rows side by side. Moves all of them.

With a row id of its own each would be in a page with whatever came at the same time: a chart that is not in memory yet
would read a page a point, and the file would hold every key twice. A later migration that alters one of these tables
makes it anew without this: call `cluster` there again.
"""

from __future__ import annotations

from typing import Any

from django.db import migrations

TABLES = {"devices_reading": "metric_id, time", "devices_rollup": "metric_id, seconds, start"}
_END = " WITHOUT ROWID"


def cluster(apps: Any, editor: Any) -> None:
    _rebuild(editor, lambda text: text if text.endswith(_END) else text + _END)


def scatter(apps: Any, editor: Any) -> None:
    _rebuild(editor, lambda text: text.removesuffix(_END))


def _rebuild(editor: Any, changed: Any) -> None:
    if editor.connection.vendor != "sqlite":
        return
    with editor.connection.cursor() as cursor:
        for table, key in TABLES.items():
            cursor.execute("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = %s", [table])
            text = cursor.fetchone()[0]
            if changed(text) == text:
                continue
            cursor.execute(changed(text).replace(table, f"{table}_new", 1))
            cursor.execute(f"INSERT INTO {table}_new SELECT * FROM {table} ORDER BY {key}")
            cursor.execute(f"DROP TABLE {table}")
            cursor.execute(f"ALTER TABLE {table}_new RENAME TO {table}")


class Migration(migrations.Migration):
    dependencies = [("devices", "0004_partitions")]

    operations = [migrations.RunPython(cluster, scatter)]

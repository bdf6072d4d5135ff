"""PostgreSQL keeps the readings in weekly partitions. Moves all of them: a filled table needs its size again on disk."""

from __future__ import annotations

from typing import Any

from django.db import migrations

from devices.telemetry import partitions
from devices.telemetry.partitions import AHEAD, WEEK_US, Week
from devices.values import now_us

_COLUMNS = "metric_id, time, number, text"
_FOREIGN_KEY = (
    "ALTER TABLE devices_reading ADD CONSTRAINT devices_reading_metric_id_2fd84751_fk_devices_metric_id"
    " FOREIGN KEY (metric_id) REFERENCES devices_metric (id) DEFERRABLE INITIALLY DEFERRED"
)


def split(apps: Any, editor: Any) -> None:
    if editor.connection.vendor != "postgresql":
        return
    with editor.connection.cursor() as cursor:
        if partitions.has_timescale(cursor):
            cursor.execute(
                "SELECT create_hypertable('devices_reading', 'time',"
                f" chunk_time_interval => {WEEK_US}::bigint, migrate_data => true)"
            )
            return
        _rebuild(cursor, "PARTITION BY RANGE (time)", _numbers_of_weeks(cursor))


def unite(apps: Any, editor: Any) -> None:
    if editor.connection.vendor != "postgresql":
        return
    with editor.connection.cursor() as cursor:
        _rebuild(cursor, "", [])


def _numbers_of_weeks(cursor: Any) -> list[int]:
    cursor.execute(f"SELECT DISTINCT time / {WEEK_US} FROM devices_reading")
    this = now_us() // WEEK_US
    return sorted({*(number for (number,) in cursor), *range(this, this + AHEAD + 1)})


def _rebuild(cursor: Any, kind: str, weeks: list[int]) -> None:
    """Makes the table anew, of this kind, and moves the readings over."""
    cursor.execute("ALTER TABLE devices_reading RENAME TO devices_reading_before")
    cursor.execute("ALTER INDEX devices_reading_pkey RENAME TO devices_reading_before_pkey")
    cursor.execute(f"CREATE TABLE devices_reading (LIKE devices_reading_before) {kind}")
    cursor.execute("ALTER TABLE devices_reading ADD CONSTRAINT devices_reading_pkey PRIMARY KEY (metric_id, time)")
    for number in weeks:
        partitions.create(cursor, Week(number))
    cursor.execute(f"INSERT INTO devices_reading ({_COLUMNS}) SELECT {_COLUMNS} FROM devices_reading_before")
    cursor.execute("DROP TABLE devices_reading_before")
    # Last: it is checked once for the table then, and not once a row.
    cursor.execute(_FOREIGN_KEY)
    cursor.execute("ANALYZE devices_reading")


class Migration(migrations.Migration):
    dependencies = [("devices", "0003_history")]

    operations = [migrations.RunPython(split, unite)]

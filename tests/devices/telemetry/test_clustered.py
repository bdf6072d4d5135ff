"""SQLite stores a metric's rows next to each other, and the migration to that keeps all of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from devices.models import Device, Reading, Rollup

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="about SQLite's files"),
]

BEFORE, AFTER = ("devices", "0004_partitions"), ("devices", "0005_clustered")


@pytest.fixture
def migrated_back(pump: Device) -> Iterator[None]:
    # The device is created first: creating one creates its room too, whose table does not exist before the migration.
    MigrationExecutor(connection).migrate([BEFORE])
    yield
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


def statement(table: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT sql FROM sqlite_master WHERE name = %s", [table])
        return str(cursor.fetchone()[0])


@pytest.mark.parametrize("table", ["devices_reading", "devices_rollup"])
def test_the_key_is_the_order_of_the_table(table: str) -> None:
    assert statement(table).endswith("WITHOUT ROWID")


@pytest.mark.usefixtures("migrated_back")
def test_a_filled_database_keeps_its_rows(pump: Device) -> None:
    assert not statement("devices_reading").endswith("WITHOUT ROWID")
    old = MigrationExecutor(connection).loader.project_state([BEFORE]).apps.get_model("devices", "Metric")
    metrics = [old.objects.create(device_id=pump.pk, name=name) for name in ("a", "b")]
    for time in (3, 1, 2):
        for metric in metrics:
            Reading.objects.create(metric_id=metric.pk, time=time, number=time / 2, text=None)
    Rollup.objects.create(metric_id=metrics[0].pk, seconds=60, start=0, count=1, min=1, max=1, mean=1, last=1)
    before = list(Reading.objects.order_by("metric", "time").values_list())
    MigrationExecutor(connection).migrate([AFTER])
    assert statement("devices_reading").endswith("WITHOUT ROWID")
    assert list(Reading.objects.order_by("metric", "time").values_list()) == before
    assert Rollup.objects.count() == 1
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA foreign_key_check")
        assert cursor.fetchall() == []

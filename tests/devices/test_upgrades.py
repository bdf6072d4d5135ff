"""What a newer version makes of an existing database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.apps.registry import Apps
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def before_retention() -> Iterator[Apps]:
    """The models as they were."""
    executor = MigrationExecutor(connection)
    yield executor.migrate([("devices", "0002_refusals")]).apps
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


def test_a_space_that_was_there_keeps_its_history_for_ever(before_retention: Apps) -> None:
    before_retention.get_model("devices", "Space").objects.create(slug="old", name="Old")
    executor = MigrationExecutor(connection)
    now = executor.migrate(executor.loader.graph.leaf_nodes()).apps
    space = now.get_model("devices", "Space").objects.get(slug="old")
    assert (space.raw_days, space.minute_days, space.hour_days) == (0, 0, 0)

"""Migrations of existing data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps.registry import Apps
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def before_retention() -> Iterator[Apps]:
    """The models as they were before retention could be set."""
    yield from _at("0002_refusals")


@pytest.fixture
def before_stored_refusals() -> Iterator[Apps]:
    """The models as they were when the row of refusals had the name of the error."""
    yield from _at("0014_exportable_tokens")


@pytest.fixture
def first_rooms() -> Iterator[Apps]:
    yield from _at("0006_rooms")


def _at(migration: str) -> Iterator[Apps]:
    executor = MigrationExecutor(connection)
    yield executor.migrate([("devices", migration)]).apps
    _to_the_newest()


def _to_the_newest() -> Apps:
    executor = MigrationExecutor(connection)
    return executor.migrate(executor.loader.graph.leaf_nodes()).apps


def test_existing_spaces_keep_their_readings_for_ever(before_retention: Apps) -> None:
    before_retention.get_model("devices", "Space").objects.create(slug="old", name="Old")
    now = _to_the_newest()
    space = now.get_model("devices", "Space").objects.get(slug="old")
    assert (space.raw_days, space.minute_days, space.hour_days) == (0, 0, 0)


@pytest.mark.both_databases
def test_refusals_are_kept_and_further_ones_are_stored(before_stored_refusals: Apps) -> None:
    Space, Device, Refusal = (before_stored_refusals.get_model("devices", n) for n in ("Space", "Device", "Refusal"))
    device = Device.objects.create(uid="pump", space=Space.objects.create(slug="old", name="Old"), name="Pump")
    facts = {"device_id": device.pk, "reason": "invalid_json", "kind": "telemetry", "size": 3, "count": 2}
    Refusal.objects.create(**facts, first_at=1, at=2)
    StoredRefusal = _to_the_newest().get_model("devices", "StoredRefusal")
    StoredRefusal.objects.create(**facts, first_at=3, at=4)
    assert list(StoredRefusal.objects.order_by("id").values_list("count", "at")) == [(2, 2), (2, 4)]


def test_names_and_addresses_that_another_package_kept_are_removed(first_rooms: Apps) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE axes_accesslog (username text, ip_address text)")
    _to_the_newest()
    assert "axes_accesslog" not in connection.introspection.table_names()


def test_webhooks_with_the_same_name_are_renamed(first_rooms: Apps) -> None:
    space = first_rooms.get_model("devices", "Space").objects.create(slug="old", name="Old")
    Room, Webhook = (first_rooms.get_model("devices", name) for name in ("Room", "Webhook"))
    tea, coffee = (Room.objects.create(space=space, name=name) for name in ("Tea", "Coffee"))
    webhooks = [(tea, "CI"), (tea, "CI 2"), (tea, "CI"), (tea, "CI"), (coffee, "CI"), (tea, "x" * 64), (tea, "x" * 64)]
    for i, (room, name) in enumerate(webhooks):
        Webhook.objects.create(room=room, name=name, hash=str(i))
    names = _to_the_newest().get_model("devices", "Webhook").objects.order_by("id").values_list("name", flat=True)
    assert list(names) == ["CI", "CI 2", "CI 3", "CI 4", "CI", "x" * 64, "x" * 62 + " 2"]


def test_the_edits_of_removed_messages_lose_their_text(first_rooms: Apps) -> None:
    space = first_rooms.get_model("devices", "Space").objects.create(slug="old", name="Old")
    room = first_rooms.get_model("devices", "Room").objects.create(space=space, name="Tea")
    Message = first_rooms.get_model("devices", "Message")

    def write(seq: int, kind: str, **fields: Any) -> None:
        Message.objects.create(room=room, seq=seq, at=seq, kind=kind, origin="person", **fields)

    write(1, "chat", removed_at=5)
    write(2, "chat", text="tea")
    write(3, "edit", of=1, text="secret", data={"before": "secrt", "mentions": ["bob"]})
    write(4, "edit", of=2, text="tea", data={"before": "te"})
    write(5, "removal", of=1, data={"before": "secret"})
    now = _to_the_newest().get_model("devices", "Message").objects.filter(kind="edit").order_by("seq")
    assert list(now.values_list("text", "data")) == [("", {"before": "secrt"}), ("tea", {"before": "te"})]

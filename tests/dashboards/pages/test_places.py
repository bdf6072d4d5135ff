from __future__ import annotations

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.test import Client

from dashboards.models import Dashboard
from devices.models import Device, Space
from devices.rooms import posting, rooms
from tests.dashboards.pages.conftest import ClientOf

pytestmark = pytest.mark.django_db(transaction=True)


def test_it_lists_every_page_that_one_may_open(
    client_of: ClientOf, alice: User, carol: User, pump: Device, space: Space
) -> None:
    rooms.create(space, "General")
    board = Dashboard.objects.create(space=space, name="Overview")
    conversation, _ = async_to_sync(posting.direct)(alice, "carol", "Hi")
    places = client_of(carol).get("/places/").json()["places"]
    assert {(place["kind"], place["name"], place["hint"], place["url"]) for place in places} == {
        ("room", "General", "Garden", f"/rooms/{space.rooms.get(device=None).pk}/"),
        ("room", "Irrigation pump", "pump-1", f"/rooms/{pump.room.pk}/"),
        ("person", "alice", "", "/inbox/alice/"),
        ("device", "Irrigation pump", "pump-1", "/devices/pump-1/"),
        ("dashboard", "Overview", "Garden", f"/dashboards/{board.pk}/"),
    }
    assert [place["room"] for place in places if place["kind"] == "person"] == [conversation]


def test_it_lists_nothing_of_a_foreign_space(
    client_of: ClientOf, alice: User, mallory: User, pump: Device, foreign_pump: Device
) -> None:
    rooms.create(foreign_pump.space, "Foreign affairs")
    Dashboard.objects.create(space=foreign_pump.space, name="Foreign board")
    answer = client_of(alice).get("/places/")
    assert b"oreign" not in answer.content
    assert b"mallory" not in answer.content
    assert client_of(mallory).get("/places/").json() == {"places": []}


def test_it_requires_a_login(client: Client, pump: Device) -> None:
    assert client.get("/places/").status_code == 302

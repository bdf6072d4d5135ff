"""The rooms of a space, and their names."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from devices.errors import Invalid
from devices.models import Device, Room, Space
from devices.rooms import posting, provisioning, rooms
from devices.rooms.rooms import MAX_ROOMS

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("name", ["", "  ", "x" * 121, "a\nb", "a\0", "a\u202eb"])
def test_an_invalid_room_name_is_refused(space: Space, name: str) -> None:
    room = rooms.create(space, "Coffee")
    with pytest.raises(Invalid, match="printable"):
        rooms.create(space, name)
    with pytest.raises(Invalid, match="printable"):
        rooms.rename(room, name)


def test_room_names_are_unique_in_a_space(space: Space, cellar: Space) -> None:
    coffee, tea = rooms.create(space, " Coffee "), rooms.create(space, "Tea")
    assert coffee.name == "Coffee"
    with pytest.raises(Invalid, match="already"):
        rooms.create(space, "Coffee")
    with pytest.raises(Invalid, match="already"):
        rooms.rename(tea, "Coffee")
    rooms.create(cellar, "Coffee")
    rooms.rename(tea, "Tea and cake")
    tea.refresh_from_db()
    assert tea.name == "Tea and cake"


def test_rooms_of_devices_and_conversations_cannot_be_renamed(alice: User, bob: User, pump: Device) -> None:
    conversation = Room.objects.get(pk=posting.conversation(alice, "bob"))
    for room in (pump.room, conversation):
        with pytest.raises(Invalid, match="of its own"):
            rooms.rename(room, "x")


def test_the_number_of_rooms_in_a_space_is_limited(space: Space, pump: Device) -> None:
    Room.objects.bulk_create(Room(space=space, name=f"r{i}") for i in range(MAX_ROOMS))
    with pytest.raises(Invalid, match=str(MAX_ROOMS)):
        rooms.create(space, "one more")
    provisioning.create_device("pump-2", space)

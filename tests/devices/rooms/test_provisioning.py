"""Rooms of spaces and of devices, and who comes into them."""

from __future__ import annotations

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User

from devices import access
from devices.errors import Invalid, NotFound
from devices.models import Bot, Device, Member, Message, ReadMark, Room, Space
from devices.registry import devices
from devices.rooms import inbox, posting, provisioning, rooms
from devices.rooms.rooms import GENERAL, MAX_ROOMS
from devices.spaces import members
from devices.values import Role

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cellar(db: None) -> Space:
    return Space.objects.create(slug="cellar", name="Cellar")


def say(person: User, room: Room, text: str = "hello") -> int:
    return async_to_sync(posting.post)(person, room.pk, text)


def test_a_space_begins_with_a_room_and_its_manager_in_it(mallory: User) -> None:
    space = provisioning.create_space("lab", "Lab", mallory)
    [room] = space.rooms.all()
    assert (room.name, room.device) == (GENERAL, None)
    [line] = room.messages.all()
    assert (line.kind, line.by) == ("joined", "mallory")
    assert inbox.unread(mallory, room) == (0, 0)


def test_a_device_comes_with_its_room(pump: Device) -> None:
    assert (pump.room.space_id, pump.room.name, pump.room.seq) == (pump.space_id, "", 0)


@pytest.mark.parametrize("name", ["", "  ", "x" * 121, "a\nb", "a\0", "a\u202eb"])
def test_a_name_that_cannot_be_is_refused(space: Space, name: str) -> None:
    room = rooms.create(space, "Coffee")
    with pytest.raises(Invalid, match="printable"):
        rooms.create(space, name)
    with pytest.raises(Invalid, match="printable"):
        rooms.rename(room, name)


def test_a_name_is_taken_once_in_a_space(space: Space, cellar: Space) -> None:
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


def test_only_a_room_of_a_space_has_a_name_to_change(alice: User, bob: User, pump: Device) -> None:
    conversation = Room.objects.get(pk=posting.conversation(alice, "bob"))
    for room in (pump.room, conversation):
        with pytest.raises(Invalid, match="of its own"):
            rooms.rename(room, "x")


def test_rooms_of_a_space_are_bounded(space: Space, pump: Device) -> None:
    Room.objects.bulk_create(Room(space=space, name=f"r{i}") for i in range(MAX_ROOMS))
    with pytest.raises(Invalid, match=str(MAX_ROOMS)):
        rooms.create(space, "one more")
    provisioning.create_device("pump-2", space)


def test_a_new_member_is_told_in_every_room_and_has_nothing_to_catch_up(
    alice: User, mallory: User, pump: Device, space: Space
) -> None:
    general = rooms.create(space, GENERAL)
    say(alice, pump.room, "@mallory hello")
    provisioning.set_role(space, mallory, Role.VIEWER)
    for room in (pump.room, general):
        newest = room.messages.latest("seq")
        assert (newest.kind, newest.by, newest.origin) == ("joined", "mallory", "person")
        assert inbox.unread(mallory, room) == (0, 0)
    say(alice, pump.room, "welcome")
    assert inbox.unread(mallory, pump.room) == (1, 0)


def test_a_new_role_is_no_news(bob: User, pump: Device, space: Space) -> None:
    provisioning.set_role(space, bob, Role.VIEWER)
    assert not Message.objects.exists()


def test_who_comes_back_has_nothing_to_catch_up(alice: User, carol: User, pump: Device, space: Space) -> None:
    members.remove(space, carol)
    say(alice, pump.room)
    provisioning.set_role(space, carol, Role.VIEWER)
    assert inbox.unread(carol, pump.room) == (0, 0)


def test_a_bot_comes_as_one(mallory: User, pump: Device, space: Space) -> None:
    Bot.objects.create(user=mallory)
    provisioning.set_role(space, mallory, Role.VIEWER)
    assert pump.room.messages.get().origin == "bot"


def test_a_device_that_moves_takes_its_log_along(
    alice: User, bob: User, mallory: User, pump: Device, cellar: Space
) -> None:
    Member.objects.create(space=cellar, user=mallory, role=Role.VIEWER)
    Member.objects.create(space=cellar, user=bob, role=Role.VIEWER)
    say(alice, pump.room, "said before, @bob")
    provisioning.move_device(pump, cellar)
    with pytest.raises(NotFound):
        access.room(alice, pump.room.pk)
    with pytest.raises(NotFound):
        say(alice, pump.room)
    assert access.room(mallory, pump.room.pk).messages.count() == 1
    assert inbox.unread(mallory, pump.room) == (0, 0)  # who could not read it before
    assert inbox.unread(bob, pump.room) == (1, 1)
    say(bob, pump.room, "@mallory @alice")
    assert inbox.unread(mallory, pump.room) == (1, 1)
    assert inbox.unread(alice, pump.room) == (0, 0)


def test_a_device_that_goes_takes_its_room_along(alice: User, pump: Device) -> None:
    say(alice, pump.room, "@alice")
    devices.delete(pump)
    assert not Room.objects.exists()
    assert not Message.objects.exists()
    assert not ReadMark.objects.exists()

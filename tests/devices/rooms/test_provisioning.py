"""What new spaces, members and devices bring about in rooms."""

from __future__ import annotations

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User

from devices import access
from devices.errors import NotFound
from devices.models import Bot, Device, Member, Message, ReadMark, Room, Space
from devices.registry import devices
from devices.rooms import inbox, posting, provisioning, rooms
from devices.rooms.rooms import GENERAL
from devices.spaces import members
from devices.values import Role

pytestmark = pytest.mark.django_db(transaction=True)


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

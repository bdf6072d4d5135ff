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


def post(person: User, room: Room, text: str = "hello") -> int:
    return async_to_sync(posting.post)(person, room.pk, text)


def test_a_new_space_has_a_general_room_that_its_manager_has_joined(mallory: User) -> None:
    space = provisioning.create_space("lab", "Lab", mallory)
    [room] = space.rooms.all()
    assert (room.name, room.device) == (GENERAL, None)
    [line] = room.messages.all()
    assert (line.kind, line.by) == ("joined", "mallory")
    assert inbox.unread(mallory, room) == (0, 0)


def test_a_new_device_has_a_room(pump: Device) -> None:
    assert (pump.room.space_id, pump.room.name, pump.room.seq) == (pump.space_id, "", 0)


def test_a_new_member_is_welcomed_in_every_room_and_has_nothing_unread(
    alice: User, mallory: User, pump: Device, space: Space
) -> None:
    general = rooms.create(space, GENERAL)
    post(alice, pump.room, "@mallory hello")
    provisioning.set_role(space, mallory, Role.VIEWER)
    for room in (pump.room, general):
        newest = room.messages.latest("seq")
        assert (newest.kind, newest.by, newest.origin) == ("joined", "mallory", "person")
        assert inbox.unread(mallory, room) == (0, 0)
    post(alice, pump.room, "welcome")
    assert inbox.unread(mallory, pump.room) == (1, 0)


def test_a_changed_role_is_not_announced(bob: User, pump: Device, space: Space) -> None:
    provisioning.set_role(space, bob, Role.VIEWER)
    assert not Message.objects.exists()


def test_a_returning_member_has_nothing_unread(alice: User, carol: User, pump: Device, space: Space) -> None:
    members.remove(space, carol)
    post(alice, pump.room)
    provisioning.set_role(space, carol, Role.VIEWER)
    assert inbox.unread(carol, pump.room) == (0, 0)


def test_a_bot_is_welcomed_as_a_bot(mallory: User, pump: Device, space: Space) -> None:
    Bot.objects.create(user=mallory)
    provisioning.set_role(space, mallory, Role.VIEWER)
    assert pump.room.messages.get().origin == "bot"


def test_a_moved_device_takes_its_log_along(alice: User, bob: User, mallory: User, pump: Device, cellar: Space) -> None:
    Member.objects.create(space=cellar, user=mallory, role=Role.VIEWER)
    Member.objects.create(space=cellar, user=bob, role=Role.VIEWER)
    post(alice, pump.room, "said before, @bob")
    provisioning.move_device(pump, cellar)
    with pytest.raises(NotFound):
        access.room(alice, pump.room.pk)
    with pytest.raises(NotFound):
        post(alice, pump.room)
    assert access.room(mallory, pump.room.pk).messages.count() == 1
    assert inbox.unread(mallory, pump.room) == (0, 0)  # could not read it before, so nothing is unread
    assert inbox.unread(bob, pump.room) == (1, 1)
    post(bob, pump.room, "@mallory @alice")
    assert inbox.unread(mallory, pump.room) == (1, 1)
    assert inbox.unread(alice, pump.room) == (0, 0)


def test_deleting_a_device_deletes_its_room(alice: User, pump: Device) -> None:
    post(alice, pump.room, "@alice")
    devices.delete(pump)
    assert not Room.objects.exists()
    assert not Message.objects.exists()
    assert not ReadMark.objects.exists()

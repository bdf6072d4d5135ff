from __future__ import annotations

import io
from typing import Any

import pytest
from django.contrib.auth.models import User

from devices.errors import TooLarge
from devices.models import Attachment, Device, Room, Space
from devices.rooms import editing, files, posting, rooms
from devices.rooms.files import Upload
from devices.runtime import database

pytestmark = pytest.mark.django_db(transaction=True)

HALF = 600 * 1024


@pytest.fixture
def room(pump: Device, settings: Any) -> int:
    settings.SPACE_QUOTA_MB = 1
    return Room.objects.get(device=pump).pk


async def send(person: User, room: int, key: str | None = None) -> int:
    return await files.post(person, room, Upload("a.bin", HALF, io.BytesIO(b"x" * HALF)), key=key)


async def test_the_files_of_a_space_are_bounded_together(alice: User, bob: User, room: int, space: Space) -> None:
    seq = await send(bob, room)
    other = (await database.run(rooms.create, space, "Coffee")).pk
    with pytest.raises(TooLarge, match="the files of this space may take up 1 MiB"):
        await send(alice, other)
    assert await Attachment.objects.acount() == 1
    await editing.remove(bob, room, seq)
    await send(alice, other)


async def test_a_repeat_is_the_same_message_whatever_the_quota(bob: User, room: int) -> None:
    seq = await send(bob, room, key="once")
    assert await send(bob, room, key="once") == seq
    assert await Attachment.objects.acount() == 1


async def test_zero_means_no_quota(bob: User, room: int, settings: Any) -> None:
    settings.SPACE_QUOTA_MB = 0
    await send(bob, room)
    await send(bob, room)


async def test_private_files_count_for_their_sender(alice: User, bob: User, carol: User, room: int) -> None:
    private, _ = await posting.direct(bob, "alice", "hello")
    await send(bob, private)
    other, _ = await posting.direct(bob, "carol", "hello")
    with pytest.raises(TooLarge, match="your files in private conversations"):
        await send(bob, other)
    await send(alice, private)
    await send(bob, room)

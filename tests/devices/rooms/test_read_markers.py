"""How far people have read."""

from __future__ import annotations

import asyncio

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.db import transaction
from pytest_django import DjangoAssertNumQueries

from devices.channel.events import Event, ReadMoved
from devices.errors import NotFound
from devices.models import Device, ReadMark
from devices.rooms import editing, inbox, posting, read_markers
from devices.runtime import database

pytestmark = pytest.mark.django_db(transaction=True)


async def post(person: User, device: Device, *texts: str) -> None:
    for text in texts:
        await posting.post(person, device.room.pk, text)


async def unread(person: User, device: Device) -> tuple[int, int]:
    return await database.run(inbox.unread, person, device.room)


async def test_a_moved_marker_is_published_with_the_remaining_unread_counts(
    alice: User, bob: User, pump: Device, published: list[Event]
) -> None:
    await post(bob, pump, "@alice look", "and here", "/help", "@alice too")
    assert await unread(alice, pump) == (4, 2)
    published.clear()
    await read_markers.read(alice, pump.room.pk, 2)
    assert published == [ReadMoved(alice.pk, pump.room.pk, 2, 2, 1, newest=5)]
    assert await unread(alice, pump) == (2, 1)


async def test_a_marker_never_moves_back_or_past_the_newest_entry(
    alice: User, bob: User, pump: Device, published: list[Event]
) -> None:
    await post(bob, pump, "one", "two")
    await read_markers.read(alice, pump.room.pk, 10**15)
    published.clear()
    for seq in (1, 2, 3, 10**15, 0, -1):
        await read_markers.read(alice, pump.room.pk, seq)
    assert published == []
    assert (await ReadMark.objects.aget(user=alice)).seq == 2
    await post(bob, pump, "three")
    assert await unread(alice, pump) == (1, 0)


def test_reading_what_was_already_read_writes_nothing(
    alice: User, bob: User, pump: Device, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for text in ("@alice look", "and here"):
        async_to_sync(posting.post)(bob, pump.room.pk, text)
    assert read_markers._read(alice, pump.room.pk, 1) == [ReadMoved(alice.pk, pump.room.pk, 1, 1, 0, newest=2)]
    for seq in (1, 0):
        with django_assert_num_queries(2) as asked:  # the room, the marker
            assert read_markers._read(alice, pump.room.pk, seq) == []
        assert {query["sql"].split()[0] for query in asked.captured_queries} == {"SELECT"}
    read_markers._read(alice, pump.room.pk, 2)
    with django_assert_num_queries(2):
        assert read_markers._read(alice, pump.room.pk, 10**15) == []


async def test_reading_an_empty_room_publishes_nothing(alice: User, pump: Device, published: list[Event]) -> None:
    await read_markers.read(alice, pump.room.pk, 5)
    assert published == []


async def test_each_person_has_their_own_marker(alice: User, bob: User, carol: User, pump: Device) -> None:
    await post(bob, pump, "one")
    await read_markers.read(alice, pump.room.pk, 1)
    assert [await unread(person, pump) for person in (alice, bob, carol)] == [(0, 0), (0, 0), (1, 0)]


async def test_someone_who_may_not_read_the_room_gets_no_marker(mallory: User, bob: User, pump: Device) -> None:
    await post(bob, pump, "one")
    with pytest.raises(NotFound):
        await read_markers.read(mallory, pump.room.pk, 1)
    assert not await ReadMark.objects.filter(user=mallory).aexists()


async def test_concurrent_reads_of_several_pages_leave_the_furthest_marker(
    alice: User, bob: User, pump: Device
) -> None:
    await post(bob, pump, *"abcdefgh")
    await asyncio.gather(*[read_markers.read(alice, pump.room.pk, seq) for seq in (3, 8, 5, 1)])
    mark = await ReadMark.objects.aget(user=alice)
    assert (mark.seq, mark.chats) == (8, 8)


async def test_a_removed_message_still_counts_as_unread_but_its_mention_does_not(
    alice: User, bob: User, pump: Device
) -> None:
    await post(bob, pump, "@alice one", "two")
    await editing.remove(bob, pump.room.pk, 1)
    assert await unread(alice, pump) == (2, 0)
    await read_markers.read(alice, pump.room.pk, 3)
    assert await unread(alice, pump) == (0, 0)


def test_skipping_a_room_replaces_older_markers(alice: User, bob: User, pump: Device) -> None:
    pump.room.seq, pump.room.chats = 7, 5
    pump.room.save()
    ReadMark.objects.create(user=alice, room=pump.room, seq=2, chats=1)
    with transaction.atomic():
        read_markers.skip([alice.pk, bob.pk], [pump.room])
    assert set(ReadMark.objects.values_list("user", "seq", "chats")) == {(alice.pk, 7, 5), (bob.pk, 7, 5)}

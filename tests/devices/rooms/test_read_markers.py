"""Up to where people have read."""

from __future__ import annotations

import asyncio

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.db import transaction
from pytest_django import DjangoAssertNumQueries

from devices.channel import fanout
from devices.channel.events import Event, ReadMoved
from devices.errors import NotFound
from devices.models import Device, ReadMark
from devices.rooms import editing, inbox, posting, read_markers
from devices.runtime import database

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    """What is published."""
    events: list[Event] = []

    async def publish(some: list[Event]) -> None:
        events.extend(some)

    monkeypatch.setattr(fanout, "publish", publish)
    return events


async def say(person: User, device: Device, *texts: str) -> None:
    for text in texts:
        await posting.post(person, device.room.pk, text)


async def unread(person: User, device: Device) -> tuple[int, int]:
    return await database.run(inbox.unread, person, device.room)


async def test_what_is_read_is_told_with_what_is_left(alice: User, bob: User, pump: Device, told: list[Event]) -> None:
    await say(bob, pump, "@alice look", "and here", "/help", "@alice too")
    assert await unread(alice, pump) == (4, 2)
    told.clear()
    await read_markers.read(alice, pump.room.pk, 2)
    assert told == [ReadMoved(alice.pk, pump.room.pk, 2, 2, 1, newest=5)]
    assert await unread(alice, pump) == (2, 1)


async def test_a_mark_never_goes_back_nor_past_the_end(alice: User, bob: User, pump: Device, told: list[Event]) -> None:
    await say(bob, pump, "one", "two")
    await read_markers.read(alice, pump.room.pk, 10**15)
    told.clear()
    for seq in (1, 2, 3, 10**15, 0, -1):
        await read_markers.read(alice, pump.room.pk, seq)
    assert told == []
    assert (await ReadMark.objects.aget(user=alice)).seq == 2
    await say(bob, pump, "three")
    assert await unread(alice, pump) == (1, 0)


def test_what_was_read_already_is_only_looked_at(
    alice: User, bob: User, pump: Device, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for text in ("@alice look", "and here"):
        async_to_sync(posting.post)(bob, pump.room.pk, text)
    assert read_markers._read(alice, pump.room.pk, 1) == [ReadMoved(alice.pk, pump.room.pk, 1, 1, 0, newest=2)]
    for seq in (1, 0):
        with django_assert_num_queries(2) as asked:  # the room, the mark
            assert read_markers._read(alice, pump.room.pk, seq) == []
        assert {query["sql"].split()[0] for query in asked.captured_queries} == {"SELECT"}
    read_markers._read(alice, pump.room.pk, 2)
    with django_assert_num_queries(2):
        assert read_markers._read(alice, pump.room.pk, 10**15) == []


async def test_an_empty_room_has_nothing_to_read(alice: User, pump: Device, told: list[Event]) -> None:
    await read_markers.read(alice, pump.room.pk, 5)
    assert told == []


async def test_one_s_own_mark_is_nobody_else_s(alice: User, bob: User, carol: User, pump: Device) -> None:
    await say(bob, pump, "one")
    await read_markers.read(alice, pump.room.pk, 1)
    assert [await unread(person, pump) for person in (alice, bob, carol)] == [(0, 0), (0, 0), (1, 0)]


async def test_a_stranger_reads_nothing(mallory: User, bob: User, pump: Device) -> None:
    await say(bob, pump, "one")
    with pytest.raises(NotFound):
        await read_markers.read(mallory, pump.room.pk, 1)
    assert not await ReadMark.objects.filter(user=mallory).aexists()


async def test_pages_that_read_at_once_move_one_mark(alice: User, bob: User, pump: Device) -> None:
    await say(bob, pump, *"abcdefgh")
    await asyncio.gather(*[read_markers.read(alice, pump.room.pk, seq) for seq in (3, 8, 5, 1)])
    mark = await ReadMark.objects.aget(user=alice)
    assert (mark.seq, mark.chats) == (8, 8)


async def test_what_was_removed_counts_as_it_did(alice: User, bob: User, pump: Device) -> None:
    await say(bob, pump, "@alice one", "two")
    await editing.remove(bob, pump.room.pk, 1)
    assert await unread(alice, pump) == (2, 0)
    await read_markers.read(alice, pump.room.pk, 3)
    assert await unread(alice, pump) == (0, 0)


def test_skipping_replaces_an_older_mark(alice: User, bob: User, pump: Device) -> None:
    pump.room.seq, pump.room.chats = 7, 5
    pump.room.save()
    ReadMark.objects.create(user=alice, room=pump.room, seq=2, chats=1)
    with transaction.atomic():
        read_markers.skip([alice.pk, bob.pk], [pump.room])
    assert set(ReadMark.objects.values_list("user", "seq", "chats")) == {(alice.pk, 7, 5), (bob.pk, 7, 5)}

"""Unread counts of a person."""

from __future__ import annotations

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User

from devices.channel import fanout
from devices.channel.events import Event, ReadMoved
from devices.models import Device
from devices.rooms import inbox, posting, read_markers

pytestmark = pytest.mark.django_db(transaction=True)

Totals = tuple[int, int, int]


def totals(person: User) -> Totals:
    """Unread messages in conversations and in rooms, and unread mentions."""
    published = inbox.inbox(person)
    return published["direct"], published["unread"], published["mentions"]


def post(person: User, room_id: int, text: str) -> int:
    return async_to_sync(posting.post)(person, room_id, text)


def test_rooms_and_conversations_are_counted_separately(alice: User, bob: User, pump: Device) -> None:
    post(bob, pump.room.pk, "hello @alice")
    post(bob, pump.room.pk, "hello all")
    async_to_sync(posting.direct)(bob, "alice", "psst, @alice")
    assert totals(alice) == (1, 2, 1)
    assert totals(bob) == (0, 0, 0)


def test_reading_lowers_the_unread_counts(alice: User, bob: User, pump: Device) -> None:
    seq = post(bob, pump.room.pk, "hello @alice")
    post(bob, pump.room.pk, "hello all")
    async_to_sync(read_markers.read)(alice, pump.room.pk, seq)
    assert totals(alice) == (0, 1, 0)


def test_posting_marks_the_room_as_read_and_informs_the_person_s_other_pages(
    alice: User, bob: User, pump: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    post(bob, pump.room.pk, "hello @alice")
    published: list[Event] = []

    async def publish(events: list[Event]) -> None:
        published.extend(events)

    monkeypatch.setattr(fanout, "publish", publish)
    seq = post(alice, pump.room.pk, "hello")
    assert [event for event in published if isinstance(event, ReadMoved)] == [
        ReadMoved(alice.pk, pump.room.pk, seq, 0, 0, newest=seq)
    ]
    assert totals(alice) == (0, 0, 0)

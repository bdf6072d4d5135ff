"""What a person has not read."""

from __future__ import annotations

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User

from devices.channel import fanout
from devices.channel.events import Event, ReadMoved
from devices.models import Device
from devices.rooms import inbox, posting, read_markers

pytestmark = pytest.mark.django_db(transaction=True)

Sums = tuple[int, int, int]


def sums(person: User) -> Sums:
    """What is unread in conversations and in rooms, and the mentions."""
    told = inbox.inbox(person)
    return told["direct"], told["unread"], told["mentions"]


def say(person: User, room_id: int, text: str) -> int:
    return async_to_sync(posting.post)(person, room_id, text)


def test_rooms_and_conversations_are_counted_apart(alice: User, bob: User, pump: Device) -> None:
    say(bob, pump.room.pk, "hello @alice")
    say(bob, pump.room.pk, "hello all")
    async_to_sync(posting.direct)(bob, "alice", "psst, @alice")
    assert sums(alice) == (1, 2, 1)
    assert sums(bob) == (0, 0, 0)


def test_reading_takes_away_what_was_read(alice: User, bob: User, pump: Device) -> None:
    seq = say(bob, pump.room.pk, "hello @alice")
    say(bob, pump.room.pk, "hello all")
    async_to_sync(read_markers.read)(alice, pump.room.pk, seq)
    assert sums(alice) == (0, 1, 0)


def test_who_answers_has_read_and_their_other_pages_are_told(
    alice: User, bob: User, pump: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(bob, pump.room.pk, "hello @alice")
    told: list[Event] = []

    async def publish(events: list[Event]) -> None:
        told.extend(events)

    monkeypatch.setattr(fanout, "publish", publish)
    seq = say(alice, pump.room.pk, "hello")
    assert [event for event in told if isinstance(event, ReadMoved)] == [
        ReadMoved(alice.pk, pump.room.pk, seq, 0, 0, newest=seq)
    ]
    assert sums(alice) == (0, 0, 0)

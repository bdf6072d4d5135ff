"""Rooms as a person sees them. Sums of what is unread are in test_inbox.py."""

from __future__ import annotations

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from pytest_django import DjangoAssertNumQueries

from devices.models import Bot, Device, Room, Space
from devices.rooms import inbox, posting, provisioning, rooms
from devices.spaces import people
from devices.values import Role

pytestmark = pytest.mark.django_db(transaction=True)


def say(person: User, room: Room, text: str = "hello") -> int:
    return async_to_sync(posting.post)(person, room.pk, text)


def write(person: User, to: str, text: str = "hi") -> tuple[int, int]:
    return async_to_sync(posting.direct)(person, to, text)


def test_rooms_are_listed_by_their_newest_talk(alice: User, bob: User, pump: Device, space: Space) -> None:
    coffee = rooms.create(space, "Coffee")
    rooms.create(space, "Aquarium")
    say(bob, coffee)
    say(bob, pump.room, "@alice @alice")
    assert [(inbox.name(alice, room), room.unread, room.mention_count) for room in inbox.listed(alice)] == [
        ("Irrigation pump", 1, 1),
        ("Coffee", 1, 0),
        ("Aquarium", 0, 0),
    ]


def test_a_stranger_has_no_rooms(mallory: User, bob: User, pump: Device) -> None:
    say(bob, pump.room)
    assert list(inbox.listed(mallory)) == []
    assert inbox.unread(mallory, pump.room) == (0, 0)
    assert inbox.inbox(mallory) == {"direct": 0, "mentions": 0, "unread": 0, "conversations": [], "rooms": []}


def test_a_room_is_described_for_who_looks(alice: User, bob: User, pump: Device, space: Space) -> None:
    say(bob, pump.room, "@alice")
    write(bob, "alice")
    private, public = inbox.listed(alice)
    described = inbox.describe(alice, public)
    assert described.pop("active_at") > 0
    assert described == {
        "id": pump.room.pk,
        "name": "Irrigation pump",
        "device": "pump-1",
        "space": "garden",
        "seq": 1,
        "read": 0,
        "unread": 1,
        "mentions": 1,
    }
    described = inbox.describe(alice, private)
    assert (described["name"], described["with"], described["space"], described["device"]) == ("bob", "bob", None, None)
    [seen_by_bob] = [inbox.describe(bob, room) for room in inbox.listed(bob) if room.is_private]
    assert (seen_by_bob["name"], seen_by_bob["unread"]) == ("alice", 0)


def test_the_inbox_has_the_last_message_of_each_conversation(alice: User, bob: User, carol: User) -> None:
    write(bob, "alice", "one")
    write(carol, "alice", "two")
    write(alice, "bob", "three")
    shown = [(one["with"], one["last"]["text"], one["unread"]) for one in inbox.inbox(alice)["conversations"]]
    assert shown == [("bob", "three", 0), ("carol", "two", 1)]


def test_the_inbox_names_rooms_with_something_unread(alice: User, bob: User, pump: Device, space: Space) -> None:
    rooms.create(space, "Coffee")
    say(bob, pump.room)
    assert [one["id"] for one in inbox.inbox(alice)["rooms"]] == [pump.room.pk]
    assert inbox.inbox(bob)["rooms"] == []


def test_many_rooms_cost_no_more_queries(
    alice: User, bob: User, space: Space, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for i in range(20):
        say(bob, provisioning.create_device(f"d{i}", space)[0].room, "@alice")
    with django_assert_num_queries(3):
        assert len(inbox.inbox(alice)["rooms"]) == 20


def test_many_conversations_cost_no_more_queries(
    alice: User, space: Space, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    names = [f"p{i}" for i in range(20)]
    for name in names:
        provisioning.set_role(space, people.create_person(name, None), Role.VIEWER)
        write(alice, name, f"hello {name}")
    with django_assert_num_queries(3):  # the conversations, what was said last, the files of that
        told = inbox.conversations(alice)
    assert [(one["with"], one["last"]["text"]) for one in told] == [(name, f"hello {name}") for name in names[::-1]]
    with django_assert_num_queries(5):  # and the sums, and the rooms
        assert inbox.inbox(alice)["conversations"] == told


def test_members_of_a_room_are_who_may_read_it(
    alice: User, bob: User, carol: User, mallory: User, pump: Device
) -> None:
    Bot.objects.create(user=carol)
    User.objects.create_user("dave")
    User.objects.filter(pk=bob.pk).update(is_active=False)
    assert inbox.members_of(pump.room) == [{"username": "alice", "bot": False}, {"username": "carol", "bot": True}]


def test_members_of_a_conversation_are_its_two(alice: User, bob: User, carol: User) -> None:
    room = Room.objects.get(pk=write(alice, "bob")[0])
    assert [member["username"] for member in inbox.members_of(room)] == ["alice", "bob"]


def test_people_are_those_one_shares_a_space_with(alice: User, bob: User, mallory: User) -> None:
    assert [one["username"] for one in inbox.people(alice)] == ["bob"]
    assert inbox.people(mallory) == []

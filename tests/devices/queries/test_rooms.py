"""Rooms as a person sees them. Sums of what is unread are in test_inbox.py."""

from __future__ import annotations

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from pytest_django import DjangoAssertNumQueries

from devices.models import Bot, Device, Room, Space
from devices.queries import rooms as queries
from devices.services import devices, messages, rooms, spaces
from devices.values import Role

pytestmark = pytest.mark.django_db(transaction=True)


def say(person: User, room: Room, text: str = "hello") -> int:
    return async_to_sync(messages.post)(person, room.pk, text)


def write(person: User, to: str, text: str = "hi") -> tuple[int, int]:
    return async_to_sync(messages.direct)(person, to, text)


def test_rooms_are_listed_by_their_newest_talk(alice: User, bob: User, pump: Device, space: Space) -> None:
    coffee = rooms.create(space, "Coffee")
    rooms.create(space, "Aquarium")
    say(bob, coffee)
    say(bob, pump.room, "@alice @alice")
    assert [(queries.name(alice, room), room.unread, room.mention_count) for room in queries.listed(alice)] == [
        ("Irrigation pump", 1, 1),
        ("Coffee", 1, 0),
        ("Aquarium", 0, 0),
    ]


def test_a_stranger_has_no_rooms(mallory: User, bob: User, pump: Device) -> None:
    say(bob, pump.room)
    assert list(queries.listed(mallory)) == []
    assert queries.unread(mallory, pump.room) == (0, 0)
    assert queries.inbox(mallory) == {"direct": 0, "mentions": 0, "unread": 0, "conversations": [], "rooms": []}


def test_a_room_is_described_for_who_looks(alice: User, bob: User, pump: Device, space: Space) -> None:
    say(bob, pump.room, "@alice")
    write(bob, "alice")
    private, public = queries.listed(alice)
    described = queries.describe(alice, public)
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
    described = queries.describe(alice, private)
    assert (described["name"], described["with"], described["space"], described["device"]) == ("bob", "bob", None, None)
    [seen_by_bob] = [queries.describe(bob, room) for room in queries.listed(bob) if room.is_private]
    assert (seen_by_bob["name"], seen_by_bob["unread"]) == ("alice", 0)


def test_the_inbox_has_the_last_message_of_each_conversation(alice: User, bob: User, carol: User) -> None:
    write(bob, "alice", "one")
    write(carol, "alice", "two")
    write(alice, "bob", "three")
    shown = [(one["with"], one["last"]["text"], one["unread"]) for one in queries.inbox(alice)["conversations"]]
    assert shown == [("bob", "three", 0), ("carol", "two", 1)]


def test_the_inbox_names_rooms_with_something_unread(alice: User, bob: User, pump: Device, space: Space) -> None:
    rooms.create(space, "Coffee")
    say(bob, pump.room)
    assert [one["id"] for one in queries.inbox(alice)["rooms"]] == [pump.room.pk]
    assert queries.inbox(bob)["rooms"] == []


def test_many_rooms_cost_no_more_queries(
    alice: User, bob: User, space: Space, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for i in range(20):
        say(bob, devices.create(f"d{i}", space)[0].room, "@alice")
    with django_assert_num_queries(3):
        assert len(queries.inbox(alice)["rooms"]) == 20


def test_many_conversations_cost_no_more_queries(
    alice: User, space: Space, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    names = [f"p{i}" for i in range(20)]
    for name in names:
        spaces.set_role(space, spaces.create_person(name, None), Role.VIEWER)
        write(alice, name, f"hello {name}")
    with django_assert_num_queries(3):  # the conversations, what was said last, the files of that
        told = queries.conversations(alice)
    assert [(one["with"], one["last"]["text"]) for one in told] == [(name, f"hello {name}") for name in names[::-1]]
    with django_assert_num_queries(5):  # and the sums, and the rooms
        assert queries.inbox(alice)["conversations"] == told


def test_members_of_a_room_are_who_may_read_it(
    alice: User, bob: User, carol: User, mallory: User, pump: Device
) -> None:
    Bot.objects.create(user=carol)
    User.objects.create_user("dave")
    User.objects.filter(pk=bob.pk).update(is_active=False)
    assert queries.members_of(pump.room) == [{"username": "alice", "bot": False}, {"username": "carol", "bot": True}]


def test_members_of_a_conversation_are_its_two(alice: User, bob: User, carol: User) -> None:
    room = Room.objects.get(pk=write(alice, "bob")[0])
    assert [member["username"] for member in queries.members_of(room)] == ["alice", "bob"]


def test_people_are_those_one_shares_a_space_with(alice: User, bob: User, mallory: User) -> None:
    assert [one["username"] for one in queries.people(alice)] == ["bob"]
    assert queries.people(mallory) == []

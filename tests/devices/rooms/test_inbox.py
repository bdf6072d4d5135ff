"""The inbox and the list of rooms: unread counts, newest conversations, and the people a person knows."""

from __future__ import annotations

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from pytest_django import DjangoAssertNumQueries

from devices.channel import fanout
from devices.channel.events import Event, ReadMoved
from devices.models import Bot, Device, Room, Space
from devices.rooms import inbox, posting, provisioning, read_markers, rooms
from devices.spaces import people
from devices.values import Role

pytestmark = pytest.mark.django_db(transaction=True)

Totals = tuple[int, int, int]


def post(person: User, room: Room, text: str = "hello") -> int:
    return async_to_sync(posting.post)(person, room.pk, text)


def send_direct(person: User, to: str, text: str = "hi") -> tuple[int, int]:
    return async_to_sync(posting.direct)(person, to, text)


def totals(person: User) -> Totals:
    """Unread messages in conversations and in rooms, and unread mentions."""
    found = inbox.inbox(person)
    return found["direct"], found["unread"], found["mentions"]


def test_rooms_and_conversations_are_counted_separately(alice: User, bob: User, pump: Device) -> None:
    post(bob, pump.room, "hello @alice")
    post(bob, pump.room, "hello all")
    async_to_sync(posting.direct)(bob, "alice", "psst, @alice")
    assert totals(alice) == (1, 2, 1)
    assert totals(bob) == (0, 0, 0)


def test_reading_lowers_the_unread_counts(alice: User, bob: User, pump: Device) -> None:
    seq = post(bob, pump.room, "hello @alice")
    post(bob, pump.room, "hello all")
    async_to_sync(read_markers.read)(alice, pump.room.pk, seq)
    assert totals(alice) == (0, 1, 0)


def test_posting_marks_the_room_as_read_and_informs_the_person_s_other_pages(
    alice: User, bob: User, pump: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    post(bob, pump.room, "hello @alice")
    published: list[Event] = []

    async def publish(events: list[Event]) -> None:
        published.extend(events)

    monkeypatch.setattr(fanout, "publish", publish)
    seq = post(alice, pump.room, "hello")
    assert [event for event in published if isinstance(event, ReadMoved)] == [
        ReadMoved(alice.pk, pump.room.pk, seq, 0, 0, newest=seq)
    ]
    assert totals(alice) == (0, 0, 0)


def test_rooms_are_listed_by_their_newest_chat_message(alice: User, bob: User, pump: Device, space: Space) -> None:
    coffee = rooms.create(space, "Coffee")
    rooms.create(space, "Aquarium")
    post(bob, coffee)
    post(bob, pump.room, "@alice @alice")
    assert [(inbox.name(alice, room), room.unread, room.mention_count) for room in inbox.listed(alice)] == [
        ("Irrigation pump", 1, 1),
        ("Coffee", 1, 0),
        ("Aquarium", 0, 0),
    ]


def test_someone_without_a_space_has_an_empty_inbox(mallory: User, bob: User, pump: Device) -> None:
    post(bob, pump.room)
    assert list(inbox.listed(mallory)) == []
    assert inbox.unread(mallory, pump.room) == (0, 0)
    assert inbox.inbox(mallory) == {"direct": 0, "mentions": 0, "unread": 0, "conversations": [], "rooms": []}


def test_a_room_is_described_from_the_reader_s_view(alice: User, bob: User, pump: Device, space: Space) -> None:
    post(bob, pump.room, "@alice")
    send_direct(bob, "alice")
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


def test_the_inbox_shows_the_last_message_of_each_conversation(alice: User, bob: User, carol: User) -> None:
    send_direct(bob, "alice", "one")
    send_direct(carol, "alice", "two")
    send_direct(alice, "bob", "three")
    shown = [(one["with"], one["last"]["text"], one["unread"]) for one in inbox.inbox(alice)["conversations"]]
    assert shown == [("bob", "three", 0), ("carol", "two", 1)]


def test_the_inbox_lists_only_rooms_with_unread_messages(alice: User, bob: User, pump: Device, space: Space) -> None:
    rooms.create(space, "Coffee")
    post(bob, pump.room)
    assert [one["id"] for one in inbox.inbox(alice)["rooms"]] == [pump.room.pk]
    assert inbox.inbox(bob)["rooms"] == []


def test_an_inbox_of_many_rooms_costs_three_queries(
    alice: User, bob: User, space: Space, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for i in range(20):
        post(bob, provisioning.create_device(f"d{i}", space)[0].room, "@alice")
    with django_assert_num_queries(3):
        assert len(inbox.inbox(alice)["rooms"]) == 20


def test_an_inbox_of_many_conversations_costs_five_queries(
    alice: User, space: Space, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    names = [f"p{i}" for i in range(20)]
    for name in names:
        provisioning.set_role(space, people.create_person(name, None), Role.VIEWER)
        send_direct(alice, name, f"hello {name}")
    with django_assert_num_queries(3):  # the conversations, their last messages, the files of these
        conversations = inbox.conversations(alice)
    assert [(one["with"], one["last"]["text"]) for one in conversations] == [
        (name, f"hello {name}") for name in names[::-1]
    ]
    with django_assert_num_queries(5):  # and the totals, and the rooms
        assert inbox.inbox(alice)["conversations"] == conversations


def test_the_members_of_a_room_are_the_active_people_who_may_read_it(
    alice: User, bob: User, carol: User, mallory: User, pump: Device
) -> None:
    Bot.objects.create(user=carol)
    User.objects.create_user("dave")
    User.objects.filter(pk=bob.pk).update(is_active=False)
    assert inbox.members_of(pump.room) == [{"username": "alice", "bot": False}, {"username": "carol", "bot": True}]


def test_the_members_of_a_conversation_are_its_two_people(alice: User, bob: User, carol: User) -> None:
    room = Room.objects.get(pk=send_direct(alice, "bob")[0])
    assert [member["username"] for member in inbox.members_of(room)] == ["alice", "bob"]


def test_a_person_s_people_share_a_space_with_them(alice: User, bob: User, mallory: User) -> None:
    assert [one["username"] for one in inbox.people(alice)] == ["bob"]
    assert inbox.people(mallory) == []

"""Reads of a room's log."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from devices import access
from devices.errors import NotFound, TooMany
from devices.log import messages
from devices.log.messages import NEWEST
from devices.models import Attachment, Device, Mention, Message, Room
from devices.rooms import editing, posting
from devices.values import MessageKind, Origin

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def room(pump: Device) -> Room:
    """Has 120 messages, `m1` to `m120`."""
    Message.objects.bulk_create(
        Message(
            room=pump.room,
            seq=seq,
            at=seq * 1000,
            kind=MessageKind.CHAT,
            origin=Origin.PERSON,
            by="bob",
            text=f"m{seq}",
        )
        for seq in range(1, 121)
    )
    pump.room.seq = pump.room.chats = 120
    pump.room.save()
    return pump.room


def seqs(items: list[dict[str, Any]]) -> list[int]:
    return [item["seq"] for item in items]


def test_the_newest_messages_are_returned_oldest_first(room: Room) -> None:
    assert seqs(messages.newest(room)) == list(range(121 - NEWEST, 121))


@pytest.mark.parametrize(
    ("seq", "limit", "shown"),
    [(0, 3, [1, 2, 3]), (118, 3, [119, 120]), (120, 3, []), (-5, 2, [1, 2]), (10**18, 2, [])],
)
def test_a_log_can_be_read_forwards_from_a_seq(room: Room, seq: int, limit: int, shown: list[int]) -> None:
    assert seqs(messages.after(room, seq, limit)) == shown


@pytest.mark.parametrize(
    ("seq", "limit", "shown"), [(121, 2, [119, 120]), (3, 5, [1, 2]), (1, 5, []), (10**18, 1, [120])]
)
def test_a_log_can_be_read_backwards_from_a_seq(room: Room, seq: int, limit: int, shown: list[int]) -> None:
    assert seqs(messages.before(room, seq, limit)) == shown


@pytest.mark.parametrize(
    ("seq", "limit", "shown"),
    [
        (60, 4, [58, 59, 60, 61]),
        (60, 5, [58, 59, 60, 61, 62]),
        (1, 4, [1, 2]),
        (120, 4, [118, 119, 120]),
        (60, 1, [60]),
    ],
)
def test_a_linked_message_is_returned_with_its_neighbours(room: Room, seq: int, limit: int, shown: list[int]) -> None:
    assert seqs(messages.around(room, seq, limit)) == shown


def test_a_page_of_messages_costs_two_queries(room: Room, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    Attachment.objects.bulk_create(
        Attachment(message=message, file="x", name="x", type="x", size=1) for message in Message.objects.all()
    )
    with django_assert_num_queries(2):
        assert all(item["files"] for item in messages.newest(room))


def test_a_described_message_has_only_the_fields_that_apply(pump: Device) -> None:
    shown = {"seq": 7, "at": 1, "kind": "chat", "origin": "person", "author": "bob", "text": "hi"}
    message = Message(room=pump.room, seq=7, at=1999, kind="chat", origin="person", by="bob", text="hi")
    assert messages.describe(message) == shown
    message.data, message.of, message.key = {"before": "secret", "mentions": ["alice"]}, 3, "k"
    message.edited_at = message.removed_at = 5000
    more = {"data": {"mentions": ["alice"]}, "of": 3, "key": "k", "edited_at": 5, "removed_at": 5}
    assert messages.describe(message) == {**shown, **more}


def test_only_an_image_is_described_with_width_and_height() -> None:
    image = Attachment(pk=1, name="a.png", type="image/png", size=5, width=20, height=10)
    assert messages.describe_file(image) == {
        "id": 1,
        "name": "a.png",
        "type": "image/png",
        "size": 5,
        "width": 20,
        "height": 10,
    }
    assert set(messages.describe_file(Attachment(pk=1, name="a", type="x", size=5))) == {"id", "name", "type", "size"}


def post(person: User, room: Room, *texts: str) -> None:
    for text in texts:
        async_to_sync(posting.post)(person, room.pk, text)


def found(person: User, words: str, limit: int = 50, before: int | None = None) -> list[dict[str, Any]]:
    return messages.search(access.rooms(person), words, limit, before)


@pytest.mark.parametrize(
    ("words", "texts"),
    [
        ("pump", ["the pump leaks", "Pump is fine"]),
        ("PUMP leaks", ["the pump leaks"]),
        ("leaks pump", ["the pump leaks"]),
        ("strasse", ["Große Straße"]),
        ("100%", ["it is at 100%"]),
        ("a_b", ["a_b"]),
        ("%", ["it is at 100%"]),
        ("\\", ["C:\\temp"]),
        ("nothing", []),
        ("  ", []),
        ("\0", []),
        ("\ud800", []),
    ],
)
def test_search_finds_messages_that_contain_every_word(alice: User, pump: Device, words: str, texts: list[str]) -> None:
    posted = ["the pump leaks", "Pump is fine", "Große Straße", "it is at 100%", "a_b axb", "C:\\temp", "/help"]
    post(alice, pump.room, *posted)
    assert sorted(item["text"].removesuffix(" axb") for item in found(alice, words)) == sorted(texts)


def test_search_returns_older_matches_page_by_page(alice: User, pump: Device) -> None:
    post(alice, pump.room, *[f"leak {i}" for i in range(5)])
    page = found(alice, "leak", 2)
    assert [item["text"] for item in page] == ["leak 4", "leak 3"]
    assert page[0]["room"] == pump.room.pk
    assert [item["text"] for item in found(alice, "leak", 2, page[-1]["id"])] == ["leak 2", "leak 1"]


def test_search_finds_edited_messages_by_their_new_text_and_no_removed_ones(alice: User, pump: Device) -> None:
    post(alice, pump.room, "the plump leaks", "a secret")
    async_to_sync(editing.edit)(alice, pump.room.pk, 1, "the pump leaks")
    async_to_sync(editing.remove)(alice, pump.room.pk, 2)
    assert [item["seq"] for item in found(alice, "pump")] == [1]
    assert found(alice, "plump") == found(alice, "secret") == []


def test_the_latest_messages_come_only_from_the_person_s_rooms(
    alice: User, bob: User, mallory: User, pump: Device
) -> None:
    post(alice, pump.room, "one", "two", "three", "/help")
    async_to_sync(editing.remove)(alice, pump.room.pk, 2)
    page = messages.last_said(access.rooms(bob), 2)
    assert [item["text"] for item in page] == ["/help", "three"]
    assert [item["text"] for item in messages.last_said(access.rooms(bob), 9, page[-1]["id"])] == ["one"]
    assert messages.last_said(access.rooms(mallory), 9) == []


def test_concurrent_searches_are_limited(alice: User, pump: Device) -> None:
    post(alice, pump.room, "the pump leaks")
    with messages.searches, messages.searches, pytest.raises(TooMany):
        found(alice, "leaks")
    with messages.searches:
        assert len(found(alice, "leaks")) == 1
    assert messages.searches.running == 0


def test_reading_a_log_does_not_join_the_room(room: Room) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert len(messages.newest(room)) == NEWEST
    assert len(queries) > 0
    assert not [query for query in queries if "JOIN" in query["sql"]]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL reads a table of this size as a whole")
def test_changes_of_a_message_and_mentions_in_a_room_use_an_index(room: Room) -> None:
    changes = room.messages.filter(of=1, kind__in=(MessageKind.EDIT, MessageKind.REMOVAL))
    for query in (changes, changes.order_by("seq")):
        assert "messages_of_another" in query.explain()
    assert "mentions_of_room" in Mention.objects.filter(room=room).explain()


def test_search_finds_only_messages_the_person_may_read(
    alice: User, bob: User, carol: User, mallory: User, pump: Device
) -> None:
    post(alice, pump.room, "bergamot")
    async_to_sync(posting.direct)(alice, "bob", "bergamot")
    assert [len(found(person, "bergamot")) for person in (alice, bob, carol, mallory)] == [2, 2, 1, 0]


def test_the_revisions_of_a_message_are_in_order(alice: User, pump: Device) -> None:
    post(alice, pump.room, "one")
    for text in ("two", "three"):
        async_to_sync(editing.edit)(alice, pump.room.pk, 1, text)
    async_to_sync(editing.remove)(alice, pump.room.pk, 1)
    revisions = messages.revisions(pump.room, 1)
    assert [(one["text"], one["by"]) for one in revisions] == [("one", "alice"), ("two", "alice"), ("three", "alice")]
    assert [one["until"] for one in revisions] == [
        message.at // 1000 for message in pump.room.messages.filter(of=1).order_by("seq")
    ]
    with pytest.raises(NotFound):
        messages.revisions(pump.room, 99)

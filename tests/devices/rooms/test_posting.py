"""Messages that people post in rooms."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from pytest_django import DjangoAssertNumQueries

from devices.channel.events import DirectStored, Event, MessagesStored, ReadMoved
from devices.commands import lifecycle
from devices.errors import Forbidden, HubbubError, Invalid, NotFound
from devices.log import entries
from devices.log.entries import recorded
from devices.models import Command, Device, Member, Mention, Room, Space
from devices.rooms import blocks, editing, posting
from devices.rooms import rooms as space_rooms
from devices.rooms.rates import ChatRates
from devices.runtime import database, stats
from devices.values import Answer, CommandStatus
from tests.devices.rooms.device_rooms import log_of, room_of

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_message_gets_the_next_seq_and_a_repeated_key_the_same_seq(alice: User, pump: Device) -> None:
    room = await room_of(pump)
    assert await posting.post(alice, room, "hello", "k1") == 1
    assert await posting.post(alice, room, "again", "k2") == 2
    assert await posting.post(alice, room, "hello", "k1") == 1
    assert [(one["seq"], one["author"], one["text"]) for one in await log_of(pump)] == [
        (1, "alice", "hello"),
        (2, "alice", "again"),
    ]


async def test_concurrent_messages_leave_no_gap(alice: User, bob: User, pump: Device) -> None:
    room = await room_of(pump)
    seqs = await asyncio.gather(*[posting.post((alice, bob)[i % 2], room, f"m{i}") for i in range(40)])
    assert sorted(seqs) == list(range(1, 41))


async def test_a_room_does_not_exist_for_someone_who_is_not_a_member(mallory: User, pump: Device) -> None:
    with pytest.raises(NotFound):
        await posting.post(mallory, await room_of(pump), "hello")


@pytest.mark.parametrize("text", ["", "  \n ", "x" * 2001, "a\u202eb", "a\u2066b", "nul\x00", "bell\x07"])
async def test_an_invalid_text_is_refused(alice: User, pump: Device, text: str) -> None:
    with pytest.raises(Invalid):
        await posting.post(alice, await room_of(pump), text)
    assert await log_of(pump) == []


async def test_slash_set_becomes_a_command_and_its_answer_appears_in_the_room(bob: User, pump: Device) -> None:
    room = await room_of(pump)
    seq = await posting.post(bob, room, "/set speed 40", "k")
    assert await posting.post(bob, room, "/set speed 40", "k") == seq
    command = await Command.objects.aget()
    assert (command.name, command.args, command.seq) == ("set", {"speed": 40}, 1)
    await sync_to_async(recorded)(lifecycle.answer, pump, Answer(command.pk, True, {"speed": 40}))
    posted, answered = await log_of(pump)
    assert (posted["kind"], posted["author"], posted["text"]) == ("command", "bob", "/set speed 40")
    assert (answered["kind"], answered["author"], answered["of"]) == ("answer", "pump-1", 1)
    assert answered["data"]["status"] == CommandStatus.SUCCEEDED
    assert answered["data"]["result"] == {"speed": 40}


async def test_a_viewer_can_post_but_not_command(carol: User, pump: Device) -> None:
    room = await room_of(pump)
    with pytest.raises(Forbidden):
        await posting.post(carol, room, "/set speed 40")
    assert await posting.post(carol, room, "is it on?") == 1
    assert not await Command.objects.aexists()


async def test_two_people_share_one_conversation_whoever_starts_it(alice: User, bob: User) -> None:
    room, seq = await posting.direct(alice, "bob", "hi")
    assert await posting.direct(bob, "alice", "hi yourself") == (room, seq + 1)


async def test_a_direct_message_to_a_stranger_or_to_oneself_is_not_found(alice: User, mallory: User) -> None:
    for person, to in ((alice, "mallory"), (mallory, "alice"), (alice, "nobody"), (alice, "alice")):
        with pytest.raises(NotFound):
            await posting.direct(person, to, "hi")


async def test_a_key_is_unique_per_person_and_room(alice: User, bob: User, pump: Device, space: Space) -> None:
    room, other = await room_of(pump), (await database.run(space_rooms.create, space, "Coffee")).pk
    assert await posting.post(alice, room, "hello", "k") == 1
    assert await posting.post(alice, room, "something else", "k") == 1
    assert await posting.post(bob, room, "hi", "k") == 2
    assert await posting.post(alice, other, "hello", "k") == 1
    assert [one["text"] for one in await log_of(pump)] == ["hello", "hi"]


@pytest.mark.parametrize("key", ["", "x" * 65, "a\nb", "\0", "\ud800"])
async def test_an_invalid_key_is_refused(alice: User, pump: Device, key: str) -> None:
    with pytest.raises(Invalid, match="key"):
        await posting.post(alice, await room_of(pump), "hello", key)


def test_two_processes_with_the_same_key_store_one_message(alice: User, pump: Device) -> None:
    start = threading.Barrier(2, timeout=30)
    seqs: list[int] = []

    def post() -> None:
        start.wait()
        seqs.append(posting._post(ChatRates(), alice, pump.room.pk, "hello", "k").seq)
        database.release_connections()

    threads = [threading.Thread(target=post) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert seqs == [1, 1]
    assert pump.room.messages.count() == 1


async def test_a_repeated_message_is_published_again_without_notifying_anybody(
    alice: User, bob: User, pump: Device, published: list[Event]
) -> None:
    """The process that received it first may have been killed after storing it and before publishing it."""
    room = await room_of(pump)
    await posting.post(alice, room, "@bob /get", "k")
    await posting.post(bob, room, "yes?")
    first = [event for event in published if isinstance(event, MessagesStored)]
    published.clear()
    await posting.post(alice, room, "@bob /get", "k")
    [again] = published
    assert isinstance(again, MessagesStored)
    assert [entry.json for entry in again.entries] == [entry.json for event in first for entry in event.entries]
    assert not any(entry.talk or entry.mentions for entry in again.entries)


async def test_a_member_removed_while_posting_is_refused(
    bob: User, pump: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold = entries.lock

    def late(room_id: int) -> None:
        hold(room_id)
        Member.objects.filter(user=bob).delete()

    monkeypatch.setattr(entries, "lock", late)
    with pytest.raises(NotFound):
        await posting.post(bob, await room_of(pump), "hello")


async def test_messages_of_a_deleted_person_keep_the_author_s_name(alice: User, bob: User, pump: Device) -> None:
    room = await room_of(pump)
    await posting.post(bob, room, "hello @alice", "k")
    await bob.adelete()
    [posted] = await log_of(pump)
    assert (posted["author"], posted["text"]) == ("bob", "hello @alice")
    with pytest.raises(Forbidden):
        await editing.edit(alice, room, 1, "changed")


async def test_a_conversation_is_deleted_with_either_person(alice: User, bob: User) -> None:
    await posting.direct(alice, "bob", "hi")
    await bob.adelete()
    assert not await Room.objects.aexists()


async def test_a_deleted_room_is_not_found(alice: User, space: Space) -> None:
    room = await database.run(space_rooms.create, space, "Coffee")
    await Room.objects.filter(pk=room.pk).adelete()
    for call in (
        posting.post(alice, room.pk, "x"),
        editing.edit(alice, room.pk, 1, "x"),
        editing.remove(alice, room.pk, 1),
    ):
        with pytest.raises(NotFound):
            await call


async def test_only_mentions_of_other_members_are_stored(alice: User, bob: User, mallory: User, pump: Device) -> None:
    await posting.post(alice, await room_of(pump), "@bob, @alice and @mallory: hello @bob")
    [posted] = await log_of(pump)
    assert posted["data"]["mentions"] == ["bob", "alice"]
    assert [one.user_id async for one in Mention.objects.all()] == [bob.pk]


async def test_a_direct_message_is_published_to_both_people(alice: User, bob: User, published: list[Event]) -> None:
    room, seq = await posting.direct(alice, "bob", "hi")
    directs = [event for event in published if isinstance(event, DirectStored)]
    assert {event.user_id for event in directs} == {alice.pk, bob.pk}
    assert {(event.room_id, event.seq, event.author, event.to, event.text) for event in directs} == {
        (room, seq, "alice", "bob", "hi")
    }


async def test_a_repeated_direct_message_is_published_to_both_people_again(
    alice: User, bob: User, published: list[Event]
) -> None:
    await posting.direct(alice, "bob", "hi", "k")
    first = [event for event in published if isinstance(event, DirectStored)]
    published.clear()
    await posting.direct(alice, "bob", "hi", "k")
    assert [event for event in published if isinstance(event, DirectStored)] == first


async def test_every_refusal_is_counted_once_wherever_it_happens(
    alice: User, bob: User, mallory: User, pump: Device, space: Space
) -> None:
    room = await room_of(pump)
    conversation, _ = await posting.direct(alice, "bob", "hi")
    await posting.post(alice, room, "hello")
    await database.run(blocks.block, alice, "bob")
    calls: list[tuple[str, Awaitable[object]]] = [
        ("not_found", posting.direct(alice, "nobody", "hi")),
        ("forbidden", posting.direct(bob, "alice", "hi")),
        ("forbidden", posting.post(bob, conversation, "hi")),
        ("invalid", posting.post(bob, room, "hi", "")),
        ("not_found", posting.post(mallory, room, "hi")),
        ("forbidden", editing.edit(bob, room, 1, "x")),
        ("not_found", editing.remove(bob, room, 9)),
    ]
    for code, call in calls:
        counter = stats.chat_refused.labels(code)._value
        before = counter.get()
        with pytest.raises(HubbubError) as error:
            await call
        assert (error.value.code, counter.get()) == (code, before + 1)


def test_posting_a_message_costs_ten_queries(
    alice: User, bob: User, pump: Device, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(10):
        posting._post(ChatRates(), alice, pump.room.pk, "hello", "k1")
    with django_assert_num_queries(10):  # with the beginning and the end of the transaction
        posting._post(ChatRates(), alice, pump.room.pk, "hello", "k2")


async def test_a_message_in_a_room_of_a_space_is_not_published_as_a_direct_one(
    alice: User, pump: Device, published: list[Event]
) -> None:
    await posting.post(alice, await room_of(pump), "hi")
    assert [type(event) for event in published] == [MessagesStored, ReadMoved]


async def test_people_who_no_longer_share_a_space_can_read_but_not_post(alice: User, bob: User, space: Space) -> None:
    room, _ = await posting.direct(alice, "bob", "hi")
    await Member.objects.filter(user=bob).adelete()
    for person in (alice, bob):
        with pytest.raises(Forbidden, match="no longer share a space"):
            await posting.post(person, room, "still there?")
        assert await database.run(lambda person=person: posting.access.room(person, room).seq) == 1


async def test_a_conversation_is_not_found_by_a_third_person(alice: User, bob: User, carol: User) -> None:
    room, _ = await posting.direct(alice, "bob", "hi @carol")
    with pytest.raises(NotFound):
        await posting.post(carol, room, "hello")
    assert not await Mention.objects.aexists()


async def test_a_deactivated_person_cannot_be_written_to(alice: User, bob: User) -> None:
    await User.objects.filter(pk=bob.pk).aupdate(is_active=False)
    with pytest.raises(NotFound):
        await posting.direct(alice, "bob", "hi")


async def test_a_command_from_a_page_control_is_logged_without_a_text(bob: User, pump: Device) -> None:
    command = await lifecycle.issue(bob, "pump-1", "set", {"speed": 40})
    [line] = await log_of(pump)
    assert (line["kind"], line["author"], line["text"]) == ("command", "bob", "")
    assert line["data"]["id"] == command.pk


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Answer("", True), {"status": "succeeded"}),
        (Answer("", False, None, "stuck"), {"status": "failed", "error": "stuck"}),
        (Answer("", True, "x" * 5000), {"status": "succeeded", "truncated": True}),
    ],
)
async def test_an_answer_is_logged_and_refers_to_its_command(
    bob: User, pump: Device, answer: Answer, outcome: dict[str, Any]
) -> None:
    command = await lifecycle.issue(bob, "pump-1", "run", {})
    given = Answer(command.pk, answer.ok, answer.result, answer.error)
    assert await database.run(recorded, lifecycle.answer, pump, given)
    line = (await log_of(pump))[1]
    assert (line["kind"], line["author"], line["origin"], line["of"]) == ("answer", "pump-1", "device", 1)
    assert line["data"] == {"id": command.pk, "name": "run", "args": {}, **outcome}


async def test_a_timeout_is_logged_as_an_entry_of_the_hub(bob: User, pump: Device) -> None:
    await lifecycle.issue(bob, "pump-1", "run", {}, 0.000001)
    await database.run(lifecycle.expire)
    line = (await log_of(pump))[1]
    assert (line["author"], line["origin"], line["data"]["status"]) == ("hubbub", "hub", "timed_out")

"""What people say in rooms."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from pytest_django import DjangoAssertNumQueries

from devices.channel import fanout
from devices.channel.events import DirectStored, Event, MessagesStored, ReadMoved
from devices.commands import lifecycle
from devices.errors import Forbidden, HubbubError, Invalid, NotFound, TooMany
from devices.log import entries, messages
from devices.log.entries import recorded
from devices.models import Command, Device, Member, Mention, Message, Room, Space
from devices.rooms import blocks, editing, posting, provisioning, rates, read_markers
from devices.rooms import rooms as rooms_rooms
from devices.rooms.rates import ChatRates
from devices.runtime import database, stats
from devices.spaces import members
from devices.telemetry.store import ReadingStore
from devices.values import Answer, CommandStatus, Role, Sample, Telemetry, now_us

pytestmark = pytest.mark.django_db(transaction=True)


async def log_of(device: Device) -> list[dict[str, Any]]:
    return await sync_to_async(lambda: messages.newest(Room.objects.get(device=device)))()


async def room_of(device: Device) -> int:
    return await sync_to_async(lambda: Room.objects.get(device=device).pk)()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    """What is published."""
    events: list[Event] = []

    async def publish(some: list[Event]) -> None:
        events.extend(some)

    monkeypatch.setattr(fanout, "publish", publish)
    return events


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The rooms that were held, in their order."""
    rooms: list[int] = []
    hold = entries.lock
    monkeypatch.setattr(entries, "lock", lambda room_id: (rooms.append(room_id), hold(room_id)))
    return rooms


async def test_a_message_gets_the_next_seq_and_a_repeat_of_its_key_the_same(alice: User, pump: Device) -> None:
    room = await room_of(pump)
    assert await posting.post(alice, room, "hello", "k1") == 1
    assert await posting.post(alice, room, "again", "k2") == 2
    assert await posting.post(alice, room, "hello", "k1") == 1
    assert [(one["seq"], one["author"], one["text"]) for one in await log_of(pump)] == [
        (1, "alice", "hello"),
        (2, "alice", "again"),
    ]


async def test_messages_sent_at_once_leave_no_hole(alice: User, bob: User, pump: Device) -> None:
    room = await room_of(pump)
    seqs = await asyncio.gather(*[posting.post((alice, bob)[i % 2], room, f"m{i}") for i in range(40)])
    assert sorted(seqs) == list(range(1, 41))


async def test_who_is_no_member_finds_no_room(mallory: User, pump: Device) -> None:
    with pytest.raises(NotFound):
        await posting.post(mallory, await room_of(pump), "hello")


@pytest.mark.parametrize("text", ["", "  \n ", "x" * 2001, "a\u202eb", "a\u2066b", "nul\x00", "bell\x07"])
async def test_a_text_that_is_none_is_refused(alice: User, pump: Device, text: str) -> None:
    with pytest.raises(Invalid):
        await posting.post(alice, await room_of(pump), text)
    assert await log_of(pump) == []


async def test_a_person_over_the_rate_is_refused_and_others_are_served(
    alice: User, bob: User, pump: Device, settings: Any
) -> None:
    settings.CHAT_RATE_LIMIT = 3
    room = await room_of(pump)
    for i in range(3):
        await posting.post(alice, room, f"m{i}")
    with pytest.raises(TooMany):
        await posting.post(alice, room, "one more")
    assert await posting.post(bob, room, "hello") == 4


async def test_set_becomes_a_command_whose_answer_lands_in_the_room(bob: User, pump: Device) -> None:
    room = await room_of(pump)
    seq = await posting.post(bob, room, "/set speed 40", "k")
    assert await posting.post(bob, room, "/set speed 40", "k") == seq
    command = await Command.objects.aget()
    assert (command.name, command.args, command.seq) == ("set", {"speed": 40}, 1)
    await sync_to_async(recorded)(lifecycle.answer, pump, Answer(command.pk, True, {"speed": 40}))
    said, answered = await log_of(pump)
    assert (said["kind"], said["author"], said["text"]) == ("command", "bob", "/set speed 40")
    assert (answered["kind"], answered["author"], answered["of"]) == ("answer", "pump-1", 1)
    assert answered["data"]["status"] == CommandStatus.SUCCEEDED
    assert answered["data"]["result"] == {"speed": 40}


async def test_a_viewer_talks_and_may_not_command(carol: User, pump: Device) -> None:
    room = await room_of(pump)
    with pytest.raises(Forbidden):
        await posting.post(carol, room, "/set speed 40")
    assert await posting.post(carol, room, "is it on?") == 1
    assert not await Command.objects.aexists()


async def test_an_edit_stands_in_the_log_and_what_was_said_before_is_kept(alice: User, bob: User, pump: Device) -> None:
    room = await room_of(pump)
    await posting.post(alice, room, "helo")
    with pytest.raises(Forbidden):
        await editing.edit(bob, room, 1, "hacked")
    assert await editing.edit(alice, room, 1, "hello") == 2
    said, edit = await log_of(pump)
    assert (said["text"], said["edited_at"]) == ("hello", edit["at"])
    assert (edit["kind"], edit["of"], edit["text"]) == ("edit", 1, "hello")
    assert "helo" not in str((said, edit))
    trace = await sync_to_async(lambda: messages.revisions(Room.objects.get(pk=room), 1))()
    assert [(one["text"], one["by"]) for one in trace] == [("helo", "alice")]


async def test_a_removed_message_leaves_its_place(alice: User, pump: Device) -> None:
    room = await room_of(pump)
    await posting.post(alice, room, "secret")
    await editing.remove(alice, room, 1)
    said, removal = await log_of(pump)
    assert (said["text"], said["removed_at"]) == ("", removal["at"])
    assert "secret" not in str((said, removal))
    assert not await Message.objects.filter(folded__contains="secret").aexists()


async def test_what_was_edited_before_it_was_removed_is_read_in_no_entry(
    alice: User, carol: User, pump: Device, told: list[Event]
) -> None:
    room = await room_of(pump)
    await posting.post(alice, room, "helo")
    await posting.post(alice, room, "what others say stays", "k")
    await editing.edit(alice, room, 2, "what others say stays here")
    for text in ("secret", "secret @carol"):
        await editing.edit(alice, room, 1, text)
    await editing.remove(alice, room, 1)
    log_of_carol = await database.run(lambda: messages.after(posting.access.room(carol, room), 0))
    assert [one["seq"] for one in log_of_carol] == [1, 2, 3, 4, 5, 6]
    assert "secret" not in str(log_of_carol)
    assert [one.get("data") for one in log_of_carol if one["kind"] == "edit"] == [None] * 3
    assert log_of_carol[2]["text"] == "what others say stays here"
    trace = await database.run(lambda: messages.revisions(Room.objects.get(pk=room), 1))
    assert [one["text"] for one in trace] == ["helo", "secret", "secret @carol"]
    told.clear()
    await posting.post(alice, room, "what others say stays", "k")  # tells again what followed it
    assert "secret" not in str(told)


async def test_both_of_a_conversation_have_one_whoever_began(alice: User, bob: User) -> None:
    room, seq = await posting.direct(alice, "bob", "hi")
    assert await posting.direct(bob, "alice", "hi yourself") == (room, seq + 1)


async def test_a_stranger_is_not_to_be_found(alice: User, mallory: User) -> None:
    for person, to in ((alice, "mallory"), (mallory, "alice"), (alice, "nobody"), (alice, "alice")):
        with pytest.raises(NotFound):
            await posting.direct(person, to, "hi")


async def test_a_key_names_one_message_of_one_person_in_one_room(
    alice: User, bob: User, pump: Device, space: Space
) -> None:
    room, other = await room_of(pump), (await database.run(rooms_rooms.create, space, "Coffee")).pk
    assert await posting.post(alice, room, "hello", "k") == 1
    assert await posting.post(alice, room, "something else", "k") == 1
    assert await posting.post(bob, room, "hi", "k") == 2
    assert await posting.post(alice, other, "hello", "k") == 1
    assert [one["text"] for one in await log_of(pump)] == ["hello", "hi"]


@pytest.mark.parametrize("key", ["", "x" * 65, "a\nb", "\0", "\ud800"])
async def test_a_key_that_cannot_be_is_refused(alice: User, pump: Device, key: str) -> None:
    with pytest.raises(Invalid, match="key"):
        await posting.post(alice, await room_of(pump), "hello", key)


def test_of_two_processes_with_one_key_one_writes(alice: User, pump: Device) -> None:
    start = threading.Barrier(2, timeout=30)
    seqs: list[int] = []

    def post() -> None:
        start.wait()
        seqs.append(posting._post(ChatRates(), alice, pump.room.pk, "hello", "k").seq)
        database._give_back()

    threads = [threading.Thread(target=post) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert seqs == [1, 1]
    assert pump.room.messages.count() == 1


async def test_a_repeat_is_told_again_and_calls_nobody(alice: User, bob: User, pump: Device, told: list[Event]) -> None:
    """The process that had it first may have been killed between storing and telling."""
    room = await room_of(pump)
    await posting.post(alice, room, "@bob /get", "k")
    await posting.post(bob, room, "yes?")
    first = [event for event in told if isinstance(event, MessagesStored)]
    told.clear()
    await posting.post(alice, room, "@bob /get", "k")
    [again] = told
    assert isinstance(again, MessagesStored)
    assert [entry.json for entry in again.entries] == [entry.json for event in first for entry in event.entries]
    assert not any(entry.talk or entry.mentions for entry in again.entries)


async def test_who_was_removed_meanwhile_says_nothing_more(
    bob: User, pump: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold = entries.lock

    def late(room_id: int) -> None:
        hold(room_id)
        Member.objects.filter(user=bob).delete()

    monkeypatch.setattr(entries, "lock", late)
    with pytest.raises(NotFound):
        await posting.post(bob, await room_of(pump), "hello")


async def test_who_has_gone_keeps_their_name(alice: User, bob: User, pump: Device) -> None:
    room = await room_of(pump)
    await posting.post(bob, room, "hello @alice", "k")
    await bob.adelete()
    [said] = await log_of(pump)
    assert (said["author"], said["text"]) == ("bob", "hello @alice")
    with pytest.raises(Forbidden):
        await editing.edit(alice, room, 1, "changed")


async def test_a_conversation_goes_with_either_of_its_two(alice: User, bob: User) -> None:
    await posting.direct(alice, "bob", "hi")
    await bob.adelete()
    assert not await Room.objects.aexists()


async def test_a_room_that_is_gone_is_not_to_be_found(alice: User, space: Space) -> None:
    room = await database.run(rooms_rooms.create, space, "Coffee")
    await Room.objects.filter(pk=room.pk).adelete()
    for call in (
        posting.post(alice, room.pk, "x"),
        editing.edit(alice, room.pk, 1, "x"),
        editing.remove(alice, room.pk, 1),
    ):
        with pytest.raises(NotFound):
            await call


async def test_edits_and_removals_count_and_coming_does_not(
    mallory: User, space: Space, pump: Device, settings: Any
) -> None:
    settings.CHAT_RATE_LIMIT = 3
    room = await room_of(pump)
    for name in "abcd":
        await database.run(rooms_rooms.create, space, name)
    await database.run(provisioning.set_role, space, mallory, Role.OPERATOR)
    for _ in range(4):
        await lifecycle.issue(mallory, "pump-1", "set", {})  # from a control of a page
    seq = await posting.post(mallory, room, "helo")
    await editing.edit(mallory, room, seq, "hello")
    await editing.remove(mallory, room, seq)
    with pytest.raises(TooMany):
        await posting.post(mallory, room, "one more")


async def test_without_a_limit_everybody_may_say_all(alice: User, pump: Device, settings: Any) -> None:
    settings.CHAT_RATE_LIMIT = 0
    assert await posting.post(alice, await room_of(pump), "hello") == 1


async def test_a_repeat_costs_nothing_of_the_rate(alice: User, pump: Device, settings: Any) -> None:
    settings.CHAT_RATE_LIMIT = 2
    room = await room_of(pump)
    for _ in range(3):
        assert await posting.post(alice, room, "hello", "k") == 1
    assert await posting.post(alice, room, "something else") == 2


async def test_repeats_are_told_again_within_bounds_of_their_own(
    alice: User, bob: User, pump: Device, told: list[Event], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CHAT_RATE_LIMIT = 3
    now = now_us()
    monkeypatch.setattr(rates, "now_us", lambda: now)
    room = await room_of(pump)
    for person in (alice, bob):
        await posting.post(person, room, "hello", "k")
    for _ in range(3):
        await posting.post(alice, room, "hello", "k")
    told.clear()
    for _ in range(2):
        with pytest.raises(TooMany):
            await posting.post(alice, room, "hello", "k")
    assert told == []
    await posting.post(bob, room, "hello", "k")
    await posting.post(alice, room, "something else")
    now += 60_000_000
    assert await posting.post(alice, room, "hello", "k") == 1
    assert len(rates.current()._repeats) == 1  # the minute before is forgotten


async def test_who_repeats_too_much_holds_up_no_room(
    alice: User, pump: Device, held: list[int], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CHAT_RATE_LIMIT = 2
    now = now_us()
    monkeypatch.setattr(rates, "now_us", lambda: now)
    room = await room_of(pump)
    for _ in range(3):
        await posting.post(alice, room, "hello", "k")
    with pytest.raises(TooMany):
        await posting.post(alice, room, "hello", "k")
    held.clear()
    with pytest.raises(TooMany):
        await posting.post(alice, room, "hello", "k")
    assert held == []
    assert await posting.post(alice, room, "something else", "k2") == 2


async def test_who_is_over_the_rate_holds_up_no_room(alice: User, pump: Device, held: list[int], settings: Any) -> None:
    settings.CHAT_RATE_LIMIT = 2
    room = await room_of(pump)
    for key in "ab":
        await posting.post(alice, room, "hello", key)
    with pytest.raises(TooMany):
        await posting.post(alice, room, "one more")
    held.clear()
    for call in (
        posting.post(alice, room, "one more"),
        posting.post(alice, room, "one more", "c"),
        editing.edit(alice, room, 1, "x"),
        editing.remove(alice, room, 1),
    ):
        with pytest.raises(TooMany):
            await call
    assert held == []
    assert await posting.post(alice, room, "hello", "a") == 1
    assert held == [room]


async def test_who_was_over_the_rate_may_speak_again_a_minute_later(
    alice: User, pump: Device, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CHAT_RATE_LIMIT = 1
    room = await room_of(pump)
    await posting.post(alice, room, "hello")
    said = (await Message.objects.aget()).at
    for later_us, may in ((59_000_000, False), (60_000_000, True)):
        monkeypatch.setattr(rates, "now_us", lambda later_us=later_us: said + later_us)
        if may:
            await posting.post(alice, room, "one more")
        else:
            with pytest.raises(TooMany):
                await posting.post(alice, room, "one more")


async def test_a_mention_is_kept_for_members_and_not_for_oneself(
    alice: User, bob: User, mallory: User, pump: Device
) -> None:
    await posting.post(alice, await room_of(pump), "@bob, @alice and @mallory: hello @bob")
    [said] = await log_of(pump)
    assert said["data"]["mentions"] == ["bob", "alice"]
    assert [one.user_id async for one in Mention.objects.all()] == [bob.pk]


async def test_a_value_stays_what_it_was_at_the_first_writing(alice: User, pump: Device) -> None:
    def tell(speed: int) -> None:
        ReadingStore().store([(pump, Telemetry((Sample("speed", speed, None), Sample("flow", speed, None)), now_us()))])

    room = await room_of(pump)
    await database.run(tell, 40)
    await posting.post(alice, room, "why is @pump-1.speed so high?")
    await database.run(tell, 20)
    await editing.edit(alice, room, 1, "why is @pump-1.speed so high, and @pump-1.flow?")
    said, edit = await log_of(pump)
    shown = {name: value[1] for name, value in said["data"]["values"].items()}
    assert shown == {"pump-1.speed": 40, "pump-1.flow": 20}
    assert edit["data"] == said["data"]
    await editing.edit(alice, room, 1, "never mind")
    assert "data" not in (await log_of(pump))[0]


async def test_an_edit_calls_nobody(alice: User, bob: User, pump: Device, told: list[Event]) -> None:
    room = await room_of(pump)
    await posting.post(alice, room, "hello")
    told.clear()
    await editing.edit(alice, room, 1, "hello @bob")
    assert not await Mention.objects.aexists()
    [event] = told
    assert isinstance(event, MessagesStored)
    assert not event.entries[0].talk


async def test_what_was_removed_can_be_changed_no_more(alice: User, pump: Device) -> None:
    room = await room_of(pump)
    await posting.post(alice, room, "hello")
    await editing.remove(alice, room, 1)
    for call in (
        editing.edit(alice, room, 1, "x"),
        editing.remove(alice, room, 1),
        editing.edit(alice, room, 2, "x"),
    ):
        with pytest.raises(NotFound):
            await call


async def test_a_manager_removes_what_others_said_and_edits_none_of_it(
    alice: User, bob: User, carol: User, mallory: User, pump: Device
) -> None:
    room = await room_of(pump)
    await posting.post(bob, room, "rude")
    with pytest.raises(Forbidden):
        await editing.edit(alice, room, 1, "kind")
    with pytest.raises(Forbidden):
        await editing.remove(carol, room, 1)
    with pytest.raises(NotFound):
        await editing.remove(mallory, room, 1)
    await editing.remove(alice, room, 1)
    _, removal = await log_of(pump)
    assert (removal["kind"], removal["author"], removal["of"]) == ("removal", "alice", 1)


async def test_nobody_manages_a_conversation(alice: User, bob: User) -> None:
    room, seq = await posting.direct(bob, "alice", "hi")
    with pytest.raises(Forbidden):
        await editing.remove(alice, room, seq)


async def test_both_of_a_conversation_are_told_wherever_they_are(alice: User, bob: User, told: list[Event]) -> None:
    room, seq = await posting.direct(alice, "bob", "hi")
    directs = [event for event in told if isinstance(event, DirectStored)]
    assert {event.user_id for event in directs} == {alice.pk, bob.pk}
    assert {(event.room_id, event.seq, event.author, event.to, event.text) for event in directs} == {
        (room, seq, "alice", "bob", "hi")
    }


async def test_a_repeat_tells_both_of_a_conversation_again(alice: User, bob: User, told: list[Event]) -> None:
    await posting.direct(alice, "bob", "hi", "k")
    first = [event for event in told if isinstance(event, DirectStored)]
    told.clear()
    await posting.direct(alice, "bob", "hi", "k")
    assert [event for event in told if isinstance(event, DirectStored)] == first


async def test_a_mention_that_was_removed_counts_no_more(
    alice: User, bob: User, carol: User, mallory: User, pump: Device, space: Space, told: list[Event]
) -> None:
    room = await room_of(pump)
    await database.run(provisioning.set_role, space, mallory, Role.VIEWER)
    await posting.post(alice, room, "@bob @carol @mallory look")
    await posting.post(alice, room, "@bob and here")
    await read_markers.read(carol, room, 3)
    await database.run(members.remove, space, mallory)
    told.clear()
    await editing.remove(alice, room, 2)
    # Carol has read it, and mallory may not know of it any more.
    assert [event for event in told if isinstance(event, ReadMoved)] == [ReadMoved(bob.pk, room, 0, 2, 1, newest=4)]


async def test_a_refusal_counts_once_however_far_it_came(
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


def test_a_message_costs_few_queries(
    alice: User, bob: User, pump: Device, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(10):
        posting._post(ChatRates(), alice, pump.room.pk, "hello", "k1")
    with django_assert_num_queries(10):  # with the beginning and the end of the transaction
        posting._post(ChatRates(), alice, pump.room.pk, "hello", "k2")


def test_a_clock_that_is_set_back_keeps_nobody_out(
    alice: User, pump: Device, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CHAT_RATE_LIMIT = 1
    limits = ChatRates()
    posting._post(limits, alice, pump.room.pk, "hello", None)
    with pytest.raises(TooMany):
        posting._post(limits, alice, pump.room.pk, "one more", None)
    speaker, now = rates.of_person(alice), now_us()
    assert limits.is_over(speaker)
    monkeypatch.setattr(rates, "now_us", lambda: now - 3_600_000_000)
    assert not limits.is_over(speaker)


async def test_in_a_room_of_a_space_nobody_is_told_in_private(alice: User, pump: Device, told: list[Event]) -> None:
    await posting.post(alice, await room_of(pump), "hi")
    assert [type(event) for event in told] == [MessagesStored, ReadMoved]


async def test_who_shares_no_space_any_more_may_read_and_not_write(alice: User, bob: User, space: Space) -> None:
    room, _ = await posting.direct(alice, "bob", "hi")
    await Member.objects.filter(user=bob).adelete()
    for person in (alice, bob):
        with pytest.raises(Forbidden, match="no longer share a space"):
            await posting.post(person, room, "still there?")
        assert await database.run(lambda person=person: posting.access.room(person, room).seq) == 1


async def test_a_third_person_finds_no_conversation(alice: User, bob: User, carol: User) -> None:
    room, _ = await posting.direct(alice, "bob", "hi @carol")
    with pytest.raises(NotFound):
        await posting.post(carol, room, "hello")
    assert not await Mention.objects.aexists()


async def test_a_deactivated_person_is_nobody_to_write_to(alice: User, bob: User) -> None:
    await User.objects.filter(pk=bob.pk).aupdate(is_active=False)
    with pytest.raises(NotFound):
        await posting.direct(alice, "bob", "hi")


async def test_a_command_of_a_control_stands_in_the_room_without_a_text(bob: User, pump: Device) -> None:
    command = await lifecycle.issue(bob, "pump-1", "set", {"speed": 40})
    [line] = await log_of(pump)
    assert (line["kind"], line["author"], line["text"]) == ("command", "bob", "")
    assert line["data"]["id"] == command.pk


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Answer("", True), {"status": "succeeded"}),
        (Answer("", False, None, "stuck"), {"status": "failed", "error": "stuck"}),
        (Answer("", True, "x" * 5000), {"status": "succeeded", "truncated": True}),
    ],
)
async def test_an_answer_stands_in_the_room_beside_its_command(
    bob: User, pump: Device, answer: Answer, told: dict[str, Any]
) -> None:
    command = await lifecycle.issue(bob, "pump-1", "run", {})
    given = Answer(command.pk, answer.ok, answer.result, answer.error)
    assert await database.run(recorded, lifecycle.answer, pump, given)
    line = (await log_of(pump))[1]
    assert (line["kind"], line["author"], line["origin"], line["of"]) == ("answer", "pump-1", "device", 1)
    assert line["data"] == {"id": command.pk, "name": "run", "args": {}, **told}


async def test_that_nobody_answered_is_the_hub_s_word(bob: User, pump: Device) -> None:
    await lifecycle.issue(bob, "pump-1", "run", {}, 0.000001)
    await database.run(lifecycle.expire)
    line = (await log_of(pump))[1]
    assert (line["author"], line["origin"], line["data"]["status"]) == ("hubbub", "hub", "timed_out")

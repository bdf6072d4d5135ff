"""What people say in rooms."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User

from devices.errors import Forbidden, Invalid, NotFound, TooMany
from devices.models import Command, Device, Message, Room
from devices.queries import messages as queries
from devices.services import commands, messages
from devices.values import Answer, CommandStatus

pytestmark = pytest.mark.django_db(transaction=True)


async def log_of(device: Device) -> list[dict[str, Any]]:
    return await sync_to_async(lambda: queries.newest(Room.objects.get(device=device)))()


async def room_of(device: Device) -> int:
    return await sync_to_async(lambda: Room.objects.get(device=device).pk)()


async def test_a_message_gets_the_next_seq_and_a_repeat_of_its_key_the_same(alice: User, pump: Device) -> None:
    room = await room_of(pump)
    assert await messages.post(alice, room, "hello", "k1") == 1
    assert await messages.post(alice, room, "again", "k2") == 2
    assert await messages.post(alice, room, "hello", "k1") == 1
    assert [(one["seq"], one["author"], one["text"]) for one in await log_of(pump)] == [
        (1, "alice", "hello"),
        (2, "alice", "again"),
    ]


async def test_messages_sent_at_once_leave_no_hole(alice: User, bob: User, pump: Device) -> None:
    room = await room_of(pump)
    seqs = await asyncio.gather(*[messages.post((alice, bob)[i % 2], room, f"m{i}") for i in range(40)])
    assert sorted(seqs) == list(range(1, 41))


async def test_who_is_no_member_finds_no_room(mallory: User, pump: Device) -> None:
    with pytest.raises(NotFound):
        await messages.post(mallory, await room_of(pump), "hello")


@pytest.mark.parametrize("text", ["", "  \n ", "x" * 2001, "a\u202eb", "a\u2066b", "nul\x00", "bell\x07"])
async def test_a_text_that_is_none_is_refused(alice: User, pump: Device, text: str) -> None:
    with pytest.raises(Invalid):
        await messages.post(alice, await room_of(pump), text)
    assert await log_of(pump) == []


async def test_a_person_over_the_rate_is_refused_and_others_are_served(
    alice: User, bob: User, pump: Device, settings: Any
) -> None:
    settings.CHAT_RATE_LIMIT = 3
    room = await room_of(pump)
    for i in range(3):
        await messages.post(alice, room, f"m{i}")
    with pytest.raises(TooMany):
        await messages.post(alice, room, "one more")
    assert await messages.post(bob, room, "hello") == 4


async def test_set_becomes_a_command_whose_answer_lands_in_the_room(bob: User, pump: Device) -> None:
    room = await room_of(pump)
    seq = await messages.post(bob, room, "/set speed 40", "k")
    assert await messages.post(bob, room, "/set speed 40", "k") == seq
    command = await Command.objects.aget()
    assert (command.name, command.args, command.seq) == ("set", {"speed": 40}, 1)
    await sync_to_async(commands.answer)(pump, Answer(command.pk, True, {"speed": 40}))
    said, answered = await log_of(pump)
    assert (said["kind"], said["author"], said["text"]) == ("command", "bob", "/set speed 40")
    assert (answered["kind"], answered["author"], answered["of"]) == ("answer", "pump-1", 1)
    assert answered["data"]["status"] == CommandStatus.SUCCEEDED
    assert answered["data"]["result"] == {"speed": 40}


async def test_a_viewer_talks_and_may_not_command(carol: User, pump: Device) -> None:
    room = await room_of(pump)
    with pytest.raises(Forbidden):
        await messages.post(carol, room, "/set speed 40")
    assert await messages.post(carol, room, "is it on?") == 1
    assert not await Command.objects.aexists()


async def test_an_edit_stands_in_the_log_and_what_was_said_before_is_kept(alice: User, bob: User, pump: Device) -> None:
    room = await room_of(pump)
    await messages.post(alice, room, "helo")
    with pytest.raises(Forbidden):
        await messages.edit(bob, room, 1, "hacked")
    assert await messages.edit(alice, room, 1, "hello") == 2
    said, edit = await log_of(pump)
    assert (said["text"], said["edited_at"]) == ("hello", edit["at"])
    assert (edit["kind"], edit["of"], edit["text"]) == ("edit", 1, "hello")
    assert "helo" not in str((said, edit))
    trace = await sync_to_async(lambda: queries.revisions(Room.objects.get(pk=room), 1))()
    assert [(one["text"], one["by"]) for one in trace] == [("helo", "alice")]


async def test_a_removed_message_leaves_its_place(alice: User, pump: Device) -> None:
    room = await room_of(pump)
    await messages.post(alice, room, "secret")
    await messages.remove(alice, room, 1)
    said, removal = await log_of(pump)
    assert (said["text"], said["removed_at"]) == ("", removal["at"])
    assert "secret" not in str((said, removal))
    assert not await Message.objects.filter(folded__contains="secret").aexists()


async def test_both_of_a_conversation_have_one_whoever_began(alice: User, bob: User) -> None:
    room, seq = await messages.direct(alice, "bob", "hi")
    assert await messages.direct(bob, "alice", "hi yourself") == (room, seq + 1)


async def test_a_stranger_is_not_to_be_found(alice: User, mallory: User) -> None:
    for person, to in ((alice, "mallory"), (mallory, "alice"), (alice, "nobody"), (alice, "alice")):
        with pytest.raises(NotFound):
            await messages.direct(person, to, "hi")

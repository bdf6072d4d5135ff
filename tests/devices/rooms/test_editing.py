"""Edits and removals of messages."""

from __future__ import annotations

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User

from devices.channel.events import Event, MessagesStored, ReadMoved
from devices.errors import Forbidden, NotFound
from devices.log import messages
from devices.models import Device, Mention, Message, Room, Space
from devices.rooms import editing, posting, provisioning, read_markers
from devices.runtime import database
from devices.spaces import members
from devices.telemetry.store import ReadingStore
from devices.values import Role, Sample, Telemetry, now_us
from tests.devices.rooms.device_rooms import log_of, room_of

pytestmark = pytest.mark.django_db(transaction=True)


async def test_an_edit_is_logged_and_the_text_before_it_is_kept(alice: User, bob: User, pump: Device) -> None:
    room = await room_of(pump)
    await posting.post(alice, room, "helo")
    with pytest.raises(Forbidden):
        await editing.edit(bob, room, 1, "hacked")
    assert await editing.edit(alice, room, 1, "hello") == 2
    posted, edit = await log_of(pump)
    assert (posted["text"], posted["edited_at"]) == ("hello", edit["at"])
    assert (edit["kind"], edit["of"], edit["text"]) == ("edit", 1, "hello")
    assert "helo" not in str((posted, edit))
    revisions = await sync_to_async(lambda: messages.revisions(Room.objects.get(pk=room), 1))()
    assert [(one["text"], one["by"]) for one in revisions] == [("helo", "alice")]


async def test_a_removed_message_stays_in_the_log_without_its_text(alice: User, pump: Device) -> None:
    room = await room_of(pump)
    await posting.post(alice, room, "secret")
    await editing.remove(alice, room, 1)
    posted, removal = await log_of(pump)
    assert (posted["text"], posted["removed_at"]) == ("", removal["at"])
    assert "secret" not in str((posted, removal))
    assert not await Message.objects.filter(folded__contains="secret").aexists()


async def test_the_edits_of_a_removed_message_do_not_reveal_its_text(
    alice: User, carol: User, pump: Device, published: list[Event]
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
    revisions = await database.run(lambda: messages.revisions(Room.objects.get(pk=room), 1))
    assert [one["text"] for one in revisions] == ["helo", "secret", "secret @carol"]
    published.clear()
    await posting.post(alice, room, "what others say stays", "k")  # publishes the events of the first time again
    assert "secret" not in str(published)


async def test_an_edit_keeps_the_values_of_the_first_version(alice: User, pump: Device) -> None:
    def send(speed: int) -> None:
        ReadingStore().store([(pump, Telemetry((Sample("speed", speed, None), Sample("flow", speed, None)), now_us()))])

    room = await room_of(pump)
    await database.run(send, 40)
    await posting.post(alice, room, "why is @pump-1.speed so high?")
    await database.run(send, 20)
    await editing.edit(alice, room, 1, "why is @pump-1.speed so high, and @pump-1.flow?")
    posted, edit = await log_of(pump)
    shown = {name: value[1] for name, value in posted["data"]["values"].items()}
    assert shown == {"pump-1.speed": 40, "pump-1.flow": 20}
    assert edit["data"] == posted["data"]
    await editing.edit(alice, room, 1, "never mind")
    assert "data" not in (await log_of(pump))[0]


async def test_an_edit_notifies_nobody(alice: User, bob: User, pump: Device, published: list[Event]) -> None:
    room = await room_of(pump)
    await posting.post(alice, room, "hello")
    published.clear()
    await editing.edit(alice, room, 1, "hello @bob")
    assert not await Mention.objects.aexists()
    [event] = published
    assert isinstance(event, MessagesStored)
    assert not event.entries[0].talk


async def test_a_removed_message_can_no_longer_be_changed(alice: User, pump: Device) -> None:
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


async def test_a_manager_can_remove_but_not_edit_messages_of_others(
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


async def test_a_manager_cannot_remove_the_other_person_s_direct_message(alice: User, bob: User) -> None:
    room, seq = await posting.direct(bob, "alice", "hi")
    with pytest.raises(Forbidden):
        await editing.remove(alice, room, seq)


async def test_a_removed_mention_is_no_longer_counted(
    alice: User, bob: User, carol: User, mallory: User, pump: Device, space: Space, published: list[Event]
) -> None:
    room = await room_of(pump)
    await database.run(provisioning.set_role, space, mallory, Role.VIEWER)
    await posting.post(alice, room, "@bob @carol @mallory look")
    await posting.post(alice, room, "@bob and here")
    await read_markers.read(carol, room, 3)
    await database.run(members.remove, space, mallory)
    published.clear()
    await editing.remove(alice, room, 2)
    # Carol has read it, and mallory may no longer know of it.
    assert [event for event in published if isinstance(event, ReadMoved)] == [
        ReadMoved(bob.pk, room, 0, 2, 1, newest=4)
    ]

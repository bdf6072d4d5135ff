"""Edits and removals of chat messages, each an entry of the log itself."""

from __future__ import annotations

from dataclasses import replace

from django.db import transaction

from devices import access
from devices.access import Person
from devices.errors import Forbidden, NotFound
from devices.log import entries, origins, room_queue
from devices.log.entries import NewEntry
from devices.log.models import Message, Room
from devices.log.room_queue import Written
from devices.log.text import checked, folded
from devices.rooms import rates, read_markers
from devices.rooms.posting import admit, compose, store
from devices.rooms.rates import ChatRates
from devices.rooms.refusal_count import refusals_counted
from devices.values import MessageKind, Origin, now_us


@refusals_counted
async def edit(person: Person, room_id: int, seq: int, text: str) -> int:
    """Replaces the text of the person's own chat message; the `seq` of the edit. The text before it is kept.

    Raises `NotFound`, `Forbidden`, `Invalid` or `TooMany`.
    """
    await admit(person, room_id)
    limits = rates.current()
    return await room_queue.current().run(
        room_id, rates.of_person(person), lambda: _edit(limits, person, room_id, seq, text)
    )


@refusals_counted
async def remove(person: Person, room_id: int, seq: int) -> int:
    """Removes text and files of the person's own chat message, or of anybody's if the person manages the space.

    Returns the `seq` of the removal. The log keeps that there was a message, and its text for managers to read. Raises
    like `edit`.
    """
    await admit(person, room_id)
    limits = rates.current()
    return await room_queue.current().run(
        room_id, rates.of_person(person), lambda: _remove(limits, person, room_id, seq)
    )


def _edit(limits: ChatRates, person: Person, room_id: int, seq: int, text: str) -> Written:
    text = checked(text)
    with transaction.atomic():
        room, message = _editable(limits, person, room_id, seq)
        if room.is_private:
            access.room_to_talk_in(person, room_id)  # or a blocked person would go on talking by means of edits
        edited = replace(compose(room, text), kind=MessageKind.EDIT, mentions=())  # an edit notifies nobody
        # A value stays as it was when the message first referred to it.
        if values := edited.data.get("values"):
            values |= {name: value for name, value in message.data.get("values", {}).items() if name in values}
        before = message.text
        kept = {name: value for name, value in message.data.items() if name not in ("mentions", "values")}
        message.text, message.folded, message.edited_at = text, folded(text), edited.at
        message.data = kept | edited.data
        message.save(update_fields=["text", "folded", "data", "edited_at"])
        change, events = store(room, _change_by(person, edited, of=seq, before=before))
        return Written(change.seq, events)


def _remove(limits: ChatRates, person: Person, room_id: int, seq: int) -> Written:
    with transaction.atomic():
        room, message = _editable(limits, person, room_id, seq, or_managed=True)
        removal = NewEntry(room_id=room.pk, kind=MessageKind.REMOVAL, at=now_us(), origin=Origin.PERSON)
        before = message.text
        message.text, message.folded, message.data, message.removed_at = "", "", {}, removal.at
        message.save(update_fields=["text", "folded", "data", "removed_at"])
        _empty_edits(message)
        mentioned = list(message.mentions.values_list("user", flat=True))
        message.mentions.all().delete()
        obsolete = [str(attachment.file) for attachment in message.attachments.all()]
        message.attachments.all().delete()
        change, events = store(room, _change_by(person, removal, of=seq, before=before))
        return Written(change.seq, [*events, *read_markers.recounted(room, mentioned, seq)], obsolete)


def _empty_edits(message: Message) -> None:
    """The texts of a removed message's edits must not stay readable for everybody."""
    edits = list(Message.objects.filter(room=message.room_id, of=message.seq, kind=MessageKind.EDIT))
    for edit in edits:
        edit.text, edit.data = "", {"before": edit.data["before"]}
    Message.objects.bulk_update(edits, ["text", "data"])


def _editable(
    limits: ChatRates, person: Person, room_id: int, seq: int, *, or_managed: bool = False
) -> tuple[Room, Message]:
    """The chat message that the person may change, in a room that is locked from now on.

    Raises `NotFound`, `TooMany`, or `Forbidden` for somebody else's message.
    """
    entries.lock(room_id)
    room = access.room(person, room_id)
    message = room.messages.filter(seq=seq, kind=MessageKind.CHAT, removed_at=None).first()
    if message is None:
        raise NotFound(f"there is no message {seq} that could be changed")
    if message.author_id != person.pk and not (or_managed and access.may_remove(person, message)):
        raise Forbidden("this is somebody else's message")
    limits.check_person(person)
    return room, message


def _change_by(person: Person, change: NewEntry, *, of: int, before: str) -> NewEntry:
    """The person's change of the message `of`; the log keeps the text before it."""
    data = {**change.data, "before": before}
    origin, by = origins.of_person(person), person.get_username()
    return replace(change, origin=origin, by=by, author_id=person.pk, of=of, data=data)

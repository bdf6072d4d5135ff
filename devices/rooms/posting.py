"""Writes of what people say in rooms."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from django.db import transaction

from devices import access
from devices.access import Person
from devices.channel import groups
from devices.channel.events import DirectStored, Event, MessagesStored
from devices.commands import lifecycle
from devices.errors import Forbidden, Invalid, NotFound
from devices.log import entries, origins
from devices.log.entries import NewEntry
from devices.log.models import MAX_KEY, Attachment, Message, Room
from devices.log.room_queue import Posted, in_turn
from devices.log.text import checked, folded
from devices.rooms import rates, read_markers, references
from devices.rooms.chat import registry
from devices.rooms.chat.registry import Call
from devices.rooms.models import Webhook
from devices.rooms.refusal_count import refusals_counted
from devices.runtime import database
from devices.values import MessageKind, Origin, now_us

REPEATED = 20
"""Messages that are published again where somebody sends one again."""


@refusals_counted
async def post(person: Person, room_id: int, text: str, key: str | None = None) -> int:
    """Says `text` in the room, or does what it asks for where it begins with `/`; the seq of its message.

    `key` is the client's own name for it: sent again, it is the same message. Raises `NotFound`, `Forbidden`,
    `Invalid` or `TooMany`.
    """
    return await _say(person, room_id, text, key)


async def post_file(person: Person, room_id: int, file: Attachment, text: str = "", key: str | None = None) -> int:
    """Says something that comes with a file, whose content is stored and whose row is not; for who was admitted.

    Raises like `post`.
    """
    return await in_turn(room_id, rates.of_person(person), lambda: _post(person, room_id, text, key, (file,)))


@refusals_counted
async def post_as(webhook: Webhook, text: str) -> int:
    """Says `text` in the name of a webhook, which has no account. Raises `NotFound`, `Invalid` or `TooMany`."""
    speaker = rates.of_webhook(webhook)
    if rates.is_over(speaker):
        raise rates.too_many()
    return await in_turn(webhook.room_id, speaker, lambda: _post_as(webhook, text))


@refusals_counted
async def direct(person: Person, to: str, text: str, key: str | None = None) -> tuple[int, int]:
    """Says `text` to the person of this username alone; `(room, seq)`, the room being that of the two.

    Raises `NotFound` for a person who is missing or shares no space, `Forbidden` where one has blocked the other.
    """
    room_id = await database.run(conversation, person, to)
    return room_id, await _say(person, room_id, text, key)


@refusals_counted
async def edit(person: Person, room_id: int, seq: int, text: str) -> int:
    """Replaces the text of the person's own chat message; the seq of the edit. What it said before is kept."""
    await admit(person, room_id)
    return await in_turn(room_id, rates.of_person(person), lambda: _edit(person, room_id, seq, text))


@refusals_counted
async def remove(person: Person, room_id: int, seq: int) -> int:
    """Removes the text and the files of the person's own chat message, or of anybody's for a manager of the space;
    the seq of the removal. That there was a message stays, and its text for managers to read."""
    await admit(person, room_id)
    return await in_turn(room_id, rates.of_person(person), lambda: _remove(person, room_id, seq))


async def admit(person: Person, room_id: int, key: str | None = None) -> None:
    """Refuses who is over a limit already, before they wait for the room and others for them: the limit of what they
    say, or of repeats where the key is that of a message that is there. Raises `TooMany`, and `Invalid` for what is no
    key."""
    if key is not None and (not 1 <= len(key) <= MAX_KEY or not key.isprintable()):
        raise Invalid(f"a key has 1 to {MAX_KEY} printable characters")
    speaker, repeats = rates.of_person(person), rates.of_repeats(person)
    if rates.is_over(speaker) or rates.is_over(repeats):
        is_repeat = key is not None and await database.run(_of_key, person, room_id, key) is not None
        if rates.is_over(repeats if is_repeat else speaker):
            raise rates.too_many()


def conversation(person: Person, username: str) -> int:
    """Id of the room of the two, made at the first call. Raises `NotFound`."""
    known = access.acquaintance(person, username)
    first, second = sorted((int(person.pk or 0), int(known.pk)))
    return Room.objects.get_or_create(first_id=first, second_id=second)[0].pk


async def _say(person: Person, room_id: int, text: str, key: str | None) -> int:
    await admit(person, room_id, key)
    return await in_turn(room_id, rates.of_person(person), lambda: _post(person, room_id, text, key))


def _post(person: Person, room_id: int, text: str, key: str | None, files: tuple[Attachment, ...] = ()) -> Posted:
    text = checked(text) if text.strip() or not files else ""
    with transaction.atomic():
        # First of all: what is asked from here on, rights too, is so until the message is stored.
        entries.hold(room_id)
        room = access.room_to_talk_in(person, room_id)
        if key is not None and (known := _of_key(person, room_id, key)) is not None:
            rates.check_repeat(person)
            return Posted(known.seq, _again(room, known))
        rates.check_person(person)
        line = replace(
            _said(room, text), origin=origins.of_person(person), by=person.get_username(), author_id=person.pk
        )
        line = replace(line, key=key, files=files, mentions=tuple(id for id in line.mentions if id != person.pk))
        called = None if files else registry.split(text)
        message, events = _write(room, line) if called is None else _call(person, room, line, *called)
        # Who answers has read what was said before.
        return Posted(message.seq, [*events, *_directs(room, message, files), read_markers.follow(person, room)])


def _said(room: Room, text: str) -> NewEntry:
    """The text with what it refers to, of nobody yet."""
    people, values = references.resolve(room, text)
    data: dict[str, object] = {}
    if people:
        data["mentions"] = [user.get_username() for user in people]
    if values:
        data["values"] = values
    return NewEntry(
        room_id=room.pk,
        kind=MessageKind.CHAT,
        at=now_us(),
        origin=Origin.BOT,
        text=text,
        data=data,
        mentions=tuple(user.pk for user in people),
    )


def _write(room: Room, line: NewEntry) -> tuple[Message, list[Event]]:
    """Stores a line of a room that is held; its message, and what to publish."""
    written = entries.append([line], room)
    return written.messages[0], [*written.events]


def _again(room: Room, known: Message) -> list[Event]:
    """A process that was killed has stored the message and may not have told it: whoever missed it is told now."""
    messages = room.messages.filter(seq__gte=known.seq).order_by("seq").prefetch_related("attachments")[:REPEATED]
    told = MessagesStored(groups.shard_of(room.pk), tuple(entries.entry(message, room) for message in messages))
    return [told, *_directs(room, known, known.attachments.all())]


def _call(person: Person, room: Room, line: NewEntry, name: str, arguments: str) -> tuple[Message, list[Event]]:
    """Stores the typed line as the command wants it in the log, and what it answers; like `_write`."""
    call = Call(person, room, name, arguments, line.at)
    answer = registry.find(name, room).handler(call)
    lines = [replace(line, kind=call.kind, data=call.data, mentions=())]
    if answer is not None:
        kind, at = MessageKind.NOTE, line.at
        lines.append(NewEntry(room_id=room.pk, kind=kind, at=at, origin=call.origin, by=call.author, text=answer))
    written = entries.append(lines, room)
    message = written.messages[0]
    if call.queued is not None:
        lifecycle.note_seq(call.queued, message.seq)
    return message, [*call.events, *written.events]


def _post_as(webhook: Webhook, text: str) -> Posted:
    text = checked(text)
    with transaction.atomic():
        entries.hold(webhook.room_id)
        # Asked again: it may have ended since its secret was looked at, and its room be another space's.
        known = Webhook.objects.filter(pk=webhook.pk).select_related("room").first()
        if known is None:
            raise NotFound("there is no such webhook any more")
        rates.check_webhook(known)
        message, events = _write(known.room, replace(_said(known.room, text), by=known.name))
        return Posted(message.seq, events)


def _edit(person: Person, room_id: int, seq: int, text: str) -> Posted:
    text = checked(text)
    with transaction.atomic():
        room, message = _own(person, room_id, seq)
        if room.is_private:
            access.room_to_talk_in(person, room_id)  # or who is blocked would go on talking by edits
        edit = replace(_said(room, text), kind=MessageKind.EDIT, mentions=())  # an edit calls nobody
        # A value stays what it was when it was first written of.
        if values := edit.data.get("values"):
            values |= {name: value for name, value in message.data.get("values", {}).items() if name in values}
        before = message.text
        kept = {name: value for name, value in message.data.items() if name not in ("mentions", "values")}
        message.text, message.folded, message.data, message.edited_at = text, folded(text), kept | edit.data, edit.at
        message.save(update_fields=["text", "folded", "data", "edited_at"])
        change, events = _write(room, _by(person, edit, of=seq, before=before))
        return Posted(change.seq, events)


def _remove(person: Person, room_id: int, seq: int) -> Posted:
    with transaction.atomic():
        room, message = _own(person, room_id, seq, or_managed=True)
        removal = NewEntry(room_id=room.pk, kind=MessageKind.REMOVAL, at=now_us(), origin=Origin.PERSON)
        before = message.text
        message.text, message.folded, message.data, message.removed_at = "", "", {}, removal.at
        message.save(update_fields=["text", "folded", "data", "removed_at"])
        _forget_edits(message)
        named = list(message.mentions.values_list("user", flat=True))
        message.mentions.all().delete()
        obsolete = [str(attachment.file) for attachment in message.attachments.all()]
        message.attachments.all().delete()
        change, events = _write(room, _by(person, removal, of=seq, before=before))
        return Posted(change.seq, [*events, *read_markers.recounted(room, named, seq)], obsolete)


def _forget_edits(message: Message) -> None:
    """What the edits of a removed message said is no more to be read by everybody than the message itself."""
    edits = list(Message.objects.filter(room=message.room_id, of=message.seq, kind=MessageKind.EDIT))
    for edit in edits:
        edit.text, edit.data = "", {"before": edit.data["before"]}
    Message.objects.bulk_update(edits, ["text", "data"])


def _own(person: Person, room_id: int, seq: int, *, or_managed: bool = False) -> tuple[Room, Message]:
    """The chat message that the person may change, in a room that is held from now on.

    Raises `NotFound`, `TooMany`, or `Forbidden` for somebody else's.
    """
    entries.hold(room_id)
    room = access.room(person, room_id)
    message = room.messages.filter(seq=seq, kind=MessageKind.CHAT, removed_at=None).first()
    if message is None:
        raise NotFound(f"there is no message {seq} that could be changed")
    if message.author_id != person.pk and not (or_managed and access.may_remove(person, message)):
        raise Forbidden("this is somebody else's message")
    rates.check_person(person)
    return room, message


def _by(person: Person, change: NewEntry, *, of: int, before: str) -> NewEntry:
    """A change of the message `of`, by this person; the log keeps what it said before."""
    data = {**change.data, "before": before}
    origin, by = origins.of_person(person), person.get_username()
    return replace(change, origin=origin, by=by, author_id=person.pk, of=of, data=data)


def _directs(room: Room, message: Message, files: Iterable[Attachment]) -> Sequence[DirectStored]:
    """What tells both people of a conversation, on whatever page they are."""
    if not room.is_private or room.first is None or room.second is None:
        return []
    other = room.second if room.first_id == message.author_id else room.first
    text = entries.gist(message.text, files)
    return [
        DirectStored(user.pk, room.pk, message.seq, message.at, message.by, other.get_username(), text)
        for user in (room.first, room.second)
    ]


def _of_key(person: Person, room_id: int, key: str) -> Message | None:
    return Message.objects.filter(room=room_id, author=person.pk, key=key).first()

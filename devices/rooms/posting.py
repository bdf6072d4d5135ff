"""Posting in a room: as a person, as a webhook, in private, or as a chat command."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from django.db import transaction

from devices import access
from devices.access import Person
from devices.channel import groups
from devices.channel.events import DirectStored, Event, MessagesStored
from devices.commands import lifecycle
from devices.errors import Invalid, NotFound
from devices.log import entries, origins, room_queue
from devices.log.entries import NewEntry
from devices.log.models import MAX_KEY, Attachment, Message, Room
from devices.log.room_queue import Written
from devices.log.text import checked
from devices.rooms import quota, rates, read_markers, references
from devices.rooms.chat import registry
from devices.rooms.chat.registry import Call
from devices.rooms.models import Webhook
from devices.rooms.rates import ChatRates
from devices.rooms.refusal_count import refusals_counted
from devices.runtime import database
from devices.values import MessageKind, Origin, now_us

MAX_REPUBLISHED = 20
"""Messages that are published again when somebody sends one of them again."""


@refusals_counted
async def post(person: Person, room_id: int, text: str, key: str | None = None) -> int:
    """Posts `text` in the room, or runs it as a chat command if it begins with `/`; the `seq` of the message.

    `key` is the client's own name for the message: sent again, it is the same message. Raises `NotFound`, `Forbidden`,
    `Invalid` or `TooMany`.
    """
    return await _post_text(person, room_id, text, key)


async def post_file(person: Person, room_id: int, file: Attachment, text: str = "", key: str | None = None) -> int:
    """Posts a message with a file, whose content is stored and whose row is not, for a person whom `admit` let pass.

    Raises like `post`.
    """
    limits = rates.current()
    return await room_queue.current().run(
        room_id, rates.of_person(person), lambda: _post(limits, person, room_id, text, key, (file,))
    )


@refusals_counted
async def post_as(webhook: Webhook, text: str) -> int:
    """Posts `text` in the name of a webhook, which has no account. Raises `NotFound`, `Invalid` or `TooMany`."""
    limits, speaker = rates.current(), rates.of_webhook(webhook)
    if limits.is_over(speaker):
        raise rates.too_many()
    return await room_queue.current().run(webhook.room_id, speaker, lambda: _post_as(limits, webhook, text))


@refusals_counted
async def direct(person: Person, to: str, text: str, key: str | None = None) -> tuple[int, int]:
    """Sends `text` to the person with this username; `(room, seq)`, the room being the conversation of the two.

    Raises `NotFound` for a person who is missing or shares no space, `Forbidden` if one has blocked the other.
    """
    room_id = await database.run(conversation, person, to)
    return room_id, await _post_text(person, room_id, text, key)


async def admit(person: Person, room_id: int, key: str | None = None) -> None:
    """Refuses a person who is already over a limit, before they queue for the room and delay the others in it.

    That is the limit of messages, or that of repeats if the key belongs to a stored message. Raises `TooMany`, and
    `Invalid` for a malformed key.
    """
    if key is not None and (not 1 <= len(key) <= MAX_KEY or not key.isprintable()):
        raise Invalid(f"a key has 1 to {MAX_KEY} printable characters")
    limits, speaker, repeats = rates.current(), rates.of_person(person), rates.of_repeats(person)
    if limits.is_over(speaker) or limits.is_over(repeats):
        is_repeat = key is not None and await database.run(with_key, person, room_id, key) is not None
        if limits.is_over(repeats if is_repeat else speaker):
            raise rates.too_many()


def conversation(person: Person, username: str) -> int:
    """Id of the room of the two people, made by the first call. Raises `NotFound`."""
    known = access.acquaintance(person, username)
    first, second = sorted((int(person.pk or 0), int(known.pk)))
    return Room.objects.get_or_create(first_id=first, second_id=second)[0].pk


def compose(room: Room, text: str) -> NewEntry:
    """The text with what it refers to, without an author yet."""
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


def store(room: Room, new: NewEntry) -> tuple[Message, list[Event]]:
    """Stores an entry in a room that is locked; its message, and the events to publish."""
    written = entries.append([new], room)
    return written.messages[0], [*written.events]


async def _post_text(person: Person, room_id: int, text: str, key: str | None) -> int:
    await admit(person, room_id, key)
    limits = rates.current()
    return await room_queue.current().run(
        room_id, rates.of_person(person), lambda: _post(limits, person, room_id, text, key)
    )


def _post(
    limits: ChatRates, person: Person, room_id: int, text: str, key: str | None, files: tuple[Attachment, ...] = ()
) -> Written:
    text = checked(text) if text.strip() or not files else ""
    with transaction.atomic():
        # First of all: whatever is read from here on, rights included, stays true until the message is stored.
        entries.lock(room_id)
        room = access.room_to_talk_in(person, room_id)
        if key is not None and (known := with_key(person, room_id, key)) is not None:
            limits.check_repeat(person)
            return Written(known.seq, _publish_again(room, known))
        limits.check_person(person)
        if files:
            quota.check(person, room, sum(file.size for file in files))
        new = _authored(compose(room, text), person)
        new = replace(new, key=key, files=files, mentions=tuple(id for id in new.mentions if id != person.pk))
        called = None if files else registry.split(text)
        message, events = store(room, new) if called is None else _call(person, room, new, *called)
        # A person who answers has read the messages before.
        return Written(message.seq, [*events, *_directs(room, message, files), read_markers.follow(person, room)])


def _authored(new: NewEntry, person: Person) -> NewEntry:
    return replace(new, origin=origins.of_person(person), by=person.get_username(), author_id=person.pk)


def _publish_again(room: Room, known: Message) -> list[Event]:
    """A killed process may have stored the message without publishing it: viewers who missed it get it now."""
    messages = room.messages.filter(seq__gte=known.seq).order_by("seq").prefetch_related("attachments")
    again = tuple(entries.republished(message, room) for message in messages[:MAX_REPUBLISHED])
    return [MessagesStored(groups.shard_of(room.pk), again), *_directs(room, known, known.attachments.all())]


def _call(person: Person, room: Room, typed: NewEntry, name: str, arguments: str) -> tuple[Message, list[Event]]:
    """Runs a chat command. Stores the typed message as the command wants it in the log, and the command's answer."""
    call = Call(person, room, name, arguments, typed.at)
    answer = registry.find(name, room).handler(call)
    new = [replace(typed, kind=call.kind, data=call.data, mentions=())]
    if answer is not None:
        kind, at = MessageKind.NOTE, typed.at
        new.append(NewEntry(room_id=room.pk, kind=kind, at=at, origin=call.origin, by=call.author, text=answer))
    written = entries.append(new, room)
    message = written.messages[0]
    queued = [] if call.command is None else lifecycle.queue(call.command, message.seq)
    return message, [*queued, *call.events, *written.events]


def _post_as(limits: ChatRates, webhook: Webhook, text: str) -> Written:
    text = checked(text)
    with transaction.atomic():
        entries.lock(webhook.room_id)
        # Read again: it may have been deleted since its secret was checked, and its room may belong to another space.
        known = Webhook.objects.filter(pk=webhook.pk).select_related("room").first()
        if known is None:
            raise NotFound("this webhook does not exist any more")
        limits.check_webhook(known)
        message, events = store(known.room, replace(compose(known.room, text), by=known.name))
        return Written(message.seq, events)


def _directs(room: Room, message: Message, files: Iterable[Attachment]) -> Sequence[DirectStored]:
    """Events that notify both people of a conversation, whatever page they are on."""
    if not room.is_private or room.first is None or room.second is None:
        return []
    other = room.second if room.first_id == message.author_id else room.first
    text = entries.summary(message.text, files)
    return [
        DirectStored(user.pk, room.pk, message.seq, message.at, message.by, other.get_username(), text)
        for user in (room.first, room.second)
    ]


def with_key(person: Person, room_id: int, key: str) -> Message | None:
    """The person's message in the room with this key, if it is stored."""
    return Message.objects.filter(room=room_id, author=person.pk, key=key).first()

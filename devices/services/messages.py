"""Writes of what people say in rooms."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from weakref import WeakKeyDictionary, WeakValueDictionary

from django.conf import settings
from django.db import transaction

from devices import access, database, fanout, file_storage
from devices.access import Action, Person
from devices.chat import registry
from devices.chat.registry import Call
from devices.chat.text import checked, folded
from devices.errors import Forbidden, Invalid, NotFound, TooMany
from devices.events import DirectStored, Event
from devices.models import Attachment, Bot, Mention, Message, Room
from devices.models.rooms import MAX_KEY
from devices.queries import references
from devices.services import commands, log, marks
from devices.services.log import Line
from devices.values import MessageKind, Origin, now_us

MINUTE_US = 60_000_000


@dataclass(slots=True)
class Posted:
    """The seq of what was written, and what to publish after the commit."""

    seq: int
    events: list[Event] = field(default_factory=list)


async def post(person: Person, room_id: int, text: str, key: str | None = None) -> int:
    """Says `text` in the room, or does what it asks for where it begins with `/`; the seq of its message.

    `key` is the client's own name for it: sent again, it is the same message. Raises `NotFound`, `Forbidden`,
    `Invalid` or `TooMany`.
    """
    return await _in_turn(room_id, lambda: _post(person, room_id, text, key))


async def post_file(person: Person, room_id: int, file: Attachment, text: str = "", key: str | None = None) -> int:
    """Says something that comes with a file, whose content is stored and whose row is not. Raises like `post`."""
    return await _in_turn(room_id, lambda: _post(person, room_id, text, key, (file,)))


async def post_as(name: str, room_id: int, text: str) -> int:
    """Says `text` in the name of a webhook, which has no account. Raises `Invalid` or `TooMany`."""
    return await _in_turn(room_id, lambda: _post_as(name, room_id, text))


async def direct(person: Person, to: str, text: str, key: str | None = None) -> tuple[int, int]:
    """Says `text` to the person of this username alone; `(room, seq)`, the room being that of the two.

    Raises `NotFound` for a person who is missing or shares no space, `Forbidden` where one has blocked the other.
    """
    room_id = await database.run(conversation, person, to)
    return room_id, await post(person, room_id, text, key)


async def edit(person: Person, room_id: int, seq: int, text: str) -> int:
    """Replaces the text of the person's own chat message; the seq of the edit. What it said before is kept."""
    return await _in_turn(room_id, lambda: _edit(person, room_id, seq, text))


async def remove(person: Person, room_id: int, seq: int) -> int:
    """Removes the text and the files of the person's own chat message, or of anybody's for a manager of the space;
    the seq of the removal. That there was a message stays, and its text for managers to read."""
    return await _in_turn(room_id, lambda: _remove(person, room_id, seq))


def conversation(person: Person, username: str) -> int:
    """Id of the room of the two, made at the first call. Raises `NotFound`."""
    known = username.isprintable() and access.acquaintances(person).filter(username=username).first()
    if not known:
        raise NotFound(f"there is nobody called {username!r} in your spaces")
    first, second = sorted((int(person.pk or 0), int(known.pk)))
    return Room.objects.get_or_create(first_id=first, second_id=second)[0].pk


_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, WeakValueDictionary[int, asyncio.Lock]] = WeakKeyDictionary()


async def _in_turn(room_id: int, write: Callable[[], Posted]) -> int:
    """One after the other per room, so that what this process publishes of a room is in order."""
    turns = _turns.setdefault(asyncio.get_running_loop(), WeakValueDictionary())
    turn = turns.setdefault(room_id, asyncio.Lock())
    async with turn:
        posted = await database.run(write)
        await fanout.publish(posted.events)
    return posted.seq


def _post(person: Person, room_id: int, text: str, key: str | None, files: tuple[Attachment, ...] = ()) -> Posted:
    if key is not None and (not 1 <= len(key) <= MAX_KEY or not key.isprintable()):
        raise Invalid(f"a key has 1 to {MAX_KEY} printable characters")
    text = checked(text) if text.strip() or not files else ""
    with transaction.atomic():
        room = access.room_to_talk_in(person, room_id)
        Room.objects.select_for_update().get(pk=room.pk)  # before the look for the key: of two at once one waits here
        if key is not None and (known := _of_key(room, person, key)) is not None:
            return Posted(known)
        _check_rate(person)
        line = _said(person, room, text, key, files)
        if (called := registry.split(text)) is not None and not files:
            posted = _call(person, room, line, *called)
        else:
            written = log.append([line])
            posted = Posted(written.messages[0].seq, [*written.events])
        marks.move(person, room, posted.seq)
        return Posted(posted.seq, [*posted.events, *_directs(room, line, posted.seq)])


def _said(person: Person, room: Room, text: str, key: str | None, files: tuple[Attachment, ...]) -> Line:
    mentions, values = references.resolve(room, text)
    data: dict[str, object] = {}
    if mentions:
        data["mentions"] = [user.get_username() for user in mentions]
    if values:
        data["values"] = values
    return Line(
        room_id=room.pk,
        kind=MessageKind.CHAT,
        at=now_us(),
        origin=_origin(person),
        by=person.get_username(),
        author_id=person.pk,
        text=text,
        data=data,
        key=key,
        mentions=tuple(user.pk for user in mentions if user.pk != person.pk),
        files=files,
    )


def _call(person: Person, room: Room, line: Line, name: str, arguments: str) -> Posted:
    """Stores the typed line as the command wants it in the log, and what it answers."""
    call = Call(person, room, name, arguments, line.at)
    answer = registry.find(name).handler(call)
    line.kind, line.data, line.mentions = call.kind, {**line.data, **call.data}, ()
    lines = [line]
    if answer is not None:
        note = Line(room.pk, MessageKind.NOTE, line.at, call.origin, by=call.author, text=answer)
        lines.append(note)
    written = log.append(lines)
    seq = written.messages[0].seq
    if call.queued is not None:
        commands.note_seq(call.queued, seq)
    return Posted(seq, [*call.events, *written.events])


def _post_as(name: str, room_id: int, text: str) -> Posted:
    text = checked(text)
    with transaction.atomic():
        room = Room.objects.filter(pk=room_id).first()
        if room is None:
            raise NotFound("the room of this webhook is gone")
        recent = Message.objects.filter(room=room, by=name, author=None, at__gt=now_us() - MINUTE_US)
        _check_count(recent.count())
        mentions, values = references.resolve(room, text)
        data: dict[str, object] = {"mentions": [user.get_username() for user in mentions]} if mentions else {}
        if values:
            data["values"] = values
        line = Line(
            room_id=room.pk,
            kind=MessageKind.CHAT,
            at=now_us(),
            origin=Origin.BOT,
            by=name,
            text=text,
            data=data,
            mentions=tuple(user.pk for user in mentions),
        )
        written = log.append([line])
        return Posted(written.messages[0].seq, list(written.events))


def _edit(person: Person, room_id: int, seq: int, text: str) -> Posted:
    text = checked(text)
    with transaction.atomic():
        room, message = _own(person, room_id, seq)
        before, now = message.text, now_us()
        mentions, values = references.resolve(room, text)
        data = {name: value for name, value in message.data.items() if name not in ("mentions", "values")}
        if mentions:
            data["mentions"] = [user.get_username() for user in mentions]
        # A value stays what it was when it was first written of.
        if values:
            data["values"] = {**values, **{k: v for k, v in message.data.get("values", {}).items() if k in values}}
        message.text, message.folded, message.data, message.edited_at = text, folded(text), data, now
        message.save(update_fields=["text", "folded", "data", "edited_at"])
        shown = {name: value for name, value in data.items() if name in ("mentions", "values")}
        return _change(person, room, message, MessageKind.EDIT, now, text, {**shown, "before": before})


def _remove(person: Person, room_id: int, seq: int) -> Posted:
    with transaction.atomic():
        room, message = _own(person, room_id, seq, or_managed=True)
        before, now = message.text, now_us()
        message.text, message.folded, message.data, message.removed_at = "", "", {}, now
        message.save(update_fields=["text", "folded", "data", "removed_at"])
        Mention.objects.filter(message=message).delete()
        for attachment in message.attachments.all():
            transaction.on_commit(partial(file_storage.drop, str(attachment.file)))
            attachment.delete()
        return _change(person, room, message, MessageKind.REMOVAL, now, "", {"before": before})


def _own(person: Person, room_id: int, seq: int, *, or_managed: bool = False) -> tuple[Room, Message]:
    """The chat message that the person may change. Raises `NotFound`, or `Forbidden` for somebody else's."""
    room = access.room(person, room_id)
    Room.objects.select_for_update().get(pk=room.pk)
    message = room.messages.filter(seq=seq, kind=MessageKind.CHAT, removed_at=None).first()
    if message is None:
        raise NotFound(f"there is no message {seq} that could be changed")
    manages = or_managed and room.space_id is not None and access.may(person, Action.MANAGE, room.space_id)
    if message.author_id != person.pk and not manages:
        raise Forbidden("this is somebody else's message")
    _check_rate(person)
    return room, message


def _change(
    person: Person, room: Room, message: Message, kind: MessageKind, at: int, text: str, data: dict[str, object]
) -> Posted:
    line = Line(
        room_id=room.pk,
        kind=kind,
        at=at,
        origin=_origin(person),
        by=person.get_username(),
        author_id=person.pk,
        text=text,
        data=data,
        of=message.seq,
    )
    written = log.append([line])
    return Posted(written.messages[0].seq, list(written.events))


def _directs(room: Room, line: Line, seq: int) -> Sequence[DirectStored]:
    """What tells both people of a conversation, on whatever page they are."""
    if not room.is_private or room.first is None or room.second is None:
        return []
    other = room.second if room.first_id == line.author_id else room.first
    return [
        DirectStored(user.pk, room.pk, seq, line.at, line.by, other.get_username(), line.text)
        for user in (room.first, room.second)
    ]


def _of_key(room: Room, person: Person, key: str) -> int | None:
    return Message.objects.filter(room=room, author=person.pk, key=key).values_list("seq", flat=True).first()


def _check_rate(person: Person) -> None:
    """Counted in the log, so over all connections and processes of the person."""
    _check_count(Message.objects.filter(author=person.pk, at__gt=now_us() - MINUTE_US).count())


def _check_count(count: int) -> None:
    if 0 < settings.CHAT_RATE_LIMIT <= count:
        raise TooMany(f"{settings.CHAT_RATE_LIMIT} messages a minute are allowed")


def _origin(person: Person) -> Origin:
    return Origin.BOT if Bot.objects.filter(user=person.pk).exists() else Origin.PERSON

"""The one writer of rooms' logs. Every entry gets the room's next seq in the transaction that stores it, so that there
are no holes, and what brought it about is stored with it or not at all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from django.db import connection, transaction

from devices import groups
from devices.chat.text import folded
from devices.events import AvailabilityChanged, Entry, MessagesStored
from devices.models import Attachment, Mention, Message, Room
from devices.queries.messages import describe
from devices.values import Availability, MessageKind, Origin

EXCERPT = 200
"""Characters of a message that a notification shows."""


@dataclass(slots=True)
class Line:
    """An entry to be written; its fields are those of `Message`. `mentions` are people's ids, `files` not saved yet."""

    room_id: int
    kind: MessageKind
    at: int
    origin: Origin
    by: str = ""
    author_id: int | None = None
    text: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    key: str | None = None
    of: int | None = None
    mentions: tuple[int, ...] = ()
    files: tuple[Attachment, ...] = ()


@dataclass(slots=True)
class Written:
    """What `append` has stored, in the order of the lines, and what to publish after the commit."""

    messages: list[Message]
    events: list[MessagesStored]


def append(lines: Sequence[Line]) -> Written:
    """Writes the lines; call it inside a transaction. Lines of a room that is gone are left out with it."""
    rooms = _lock(line.room_id for line in lines)
    stored = [(line, _next(rooms[line.room_id], line)) for line in lines if line.room_id in rooms]
    Message.objects.bulk_create([message for _, message in stored])
    with connection.cursor() as cursor:
        cursor.executemany(
            f"UPDATE {_TABLE} SET seq = %s, chats = %s, active_at = %s WHERE id = %s",  # noqa: S608 - a constant
            [(room.seq, room.chats, room.active_at, room.pk) for room in rooms.values()],
        )
    for line, message in stored:
        _save_what_hangs_on(message, line)
    return Written([message for _, message in stored], _events(stored))


def tell_availability(changes: Sequence[AvailabilityChanged]) -> list[MessagesStored]:
    """Writes the changes into the devices' rooms.

    Left out is what a room says already: a device that was `unknown` because the hub has started again, and comes
    back as it was.
    """
    news = {change.device_id: change for change in changes if change.status != Availability.UNKNOWN}
    if not news:
        return []
    with transaction.atomic():
        rooms = list(Room.objects.select_for_update().filter(device__in=news).order_by("pk"))
        told = [room for room in rooms if room.availability != news[room.device_id or 0].status]
        lines = [_availability(room, news[room.device_id or 0]) for room in told]
        with connection.cursor() as cursor:
            cursor.executemany(
                f"UPDATE {_TABLE} SET availability = %s WHERE id = %s",  # noqa: S608 - a constant
                [(line.data["status"], line.room_id) for line in lines],
            )
        return append(lines).events


_TABLE = Room._meta.db_table


def _lock(ids: Iterable[int]) -> dict[int, Room]:
    """In the order of their ids, as two processes that lock the same ones would otherwise wait for each other."""
    return {room.pk: room for room in Room.objects.select_for_update().filter(pk__in=set(ids)).order_by("pk")}


def _next(room: Room, line: Line) -> Message:
    room.seq += 1
    if line.kind is MessageKind.CHAT:
        room.chats += 1
        room.active_at = max(room.active_at, line.at)
    return Message(
        room=room,  # the object, which `_entry` asks for its space
        seq=room.seq,
        at=line.at,
        kind=line.kind,
        origin=line.origin,
        author_id=line.author_id,
        by=line.by,
        text=line.text,
        folded=folded(line.text) if line.kind is MessageKind.CHAT else "",
        data=line.data,
        key=line.key,
        of=line.of,
    )


def _save_what_hangs_on(message: Message, line: Line) -> None:
    for file in line.files:
        file.message = message
        file.save()
    Mention.objects.bulk_create(
        [Mention(message=message, user_id=user, room_id=line.room_id, seq=message.seq) for user in line.mentions]
    )


def _events(stored: Iterable[tuple[Line, Message]]) -> list[MessagesStored]:
    shards: defaultdict[int, list[Entry]] = defaultdict(list)
    for line, message in stored:
        shards[groups.shard_of(line.room_id)].append(_entry(line, message))
    return [MessagesStored(shard, tuple(entries)) for shard, entries in shards.items()]


def _entry(line: Line, message: Message) -> Entry:
    room = message.room
    return Entry(
        room_id=room.pk,
        space_id=room.space_id or 0,
        seq=message.seq,
        at=message.at,
        talk=message.kind == MessageKind.CHAT,
        by=message.author_id or 0,
        author=message.by,
        excerpt=message.text[:EXCERPT],
        mentions=line.mentions,
        json=msgspec.json.encode(describe(message, line.files)).decode(),
    )


def _availability(room: Room, change: AvailabilityChanged) -> Line:
    return Line(
        room_id=room.pk,
        kind=MessageKind.AVAILABILITY,
        at=change.at,
        origin=Origin.DEVICE,
        by=change.uid,
        data={"status": change.status},
    )

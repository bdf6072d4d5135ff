"""The one writer of rooms' logs. Every entry gets the room's next seq in the transaction that stores it, so that there
are no holes, and what brought it about is stored with it or not at all.

Who locks more than rooms locks in this order: commands, devices, rooms (by id), read marks. Rooms are locked `NO KEY`,
as what only points at a room (a mark, a command's device) need not wait for who writes into it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import msgspec
from django.db import connection, transaction
from django.db.models import Q

from devices.channel import groups
from devices.channel.events import Entry, MessagesStored
from devices.log.files import FILES
from devices.log.messages import describe
from devices.log.models import Attachment, Mention, Message, Room
from devices.log.text import folded
from devices.runtime import stats
from devices.telemetry.models import Watermark
from devices.values import Availability, MessageKind, Origin

EXCERPT = 200
"""Characters of a message that a notification shows."""


@dataclass(slots=True, kw_only=True)
class NewEntry:
    """An entry to be written: into the room `room_id`, or into that of the device `device_id`.

    The other fields are those of `Message`. `mentions` are people's ids; the rows of `files` are not saved yet.
    """

    room_id: int | None = None
    device_id: int | None = None
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


def hold(room_id: int) -> None:
    """Nobody else writes into the room until the transaction ends; nothing happens where it is gone."""
    Room.objects.select_for_update(no_key=True).filter(pk=room_id).values_list("pk").first()


def append(lines: Sequence[NewEntry], held: Room | None = None) -> Written:
    """Writes the lines. Call it inside a transaction, once and after other locks: it locks the rooms.

    `held`: the one room of the lines, read after it was held; its own fields are what they are in the database then.
    Left out are lines of a room that is gone or was never made, and an availability that the room says already: of a
    device that was `unknown` because the hub has started again, and comes back as it was.
    """
    rooms = _lock(lines) if held is None else _by_owner([held])
    stored = [(line, _next(room, line)) for line in lines if (room := _room_of(line, rooms)) and _is_news(line, room)]
    if not stored:
        return Written([], [])
    Message.objects.bulk_create([message for _, message in stored])
    _save({message.room_id: message.room for _, message in stored}.values())
    _save_files(stored)
    _save_mentions(stored)
    transaction.on_commit(partial(_count, Counter(line.kind for line, _ in stored)))
    return Written([message for _, message in stored], _events(stored))


def append_with(lines: list[NewEntry], later: list[NewEntry] | None) -> list[MessagesStored]:
    """Writes the lines, or leaves them to who appends `later` at the end of the transaction; what to publish."""
    if later is None:
        return append(lines).events
    later += lines
    return []


def gist(text: str, files: Iterable[Attachment]) -> str:
    """What stands for a message where there is room for a line: its text, or the names of its files."""
    return text or ", ".join(file.name for file in files)


def entry(message: Message, room: Room) -> Entry:
    """A message that is stored already, as it is published to those who may have missed it. It calls nobody anew."""
    return _entry(room, message, (), talk=False, files=list(message.attachments.all()))


def _lock(lines: Iterable[NewEntry]) -> dict[tuple[str, int | None], Room]:
    """In the order of their ids, as two processes that lock the same ones would otherwise wait for each other."""
    wanted = Q(pk__in={line.room_id for line in lines if line.room_id is not None})
    wanted |= Q(device__in={line.device_id for line in lines if line.device_id is not None})
    return _by_owner(Room.objects.select_for_update(no_key=True).filter(wanted).order_by("pk"))


def _by_owner(rooms: Iterable[Room]) -> dict[tuple[str, int | None], Room]:
    """The rooms as lines name them."""
    found: dict[tuple[str, int | None], Room] = {}
    for room in rooms:
        found |= {("room", room.pk): room, ("device", room.device_id): room}
    return found


def _room_of(line: NewEntry, rooms: dict[tuple[str, int | None], Room]) -> Room | None:
    return rooms.get(("room", line.room_id) if line.device_id is None else ("device", line.device_id))


def _is_news(line: NewEntry, room: Room) -> bool:
    if line.kind is not MessageKind.AVAILABILITY:
        return True
    return line.data["status"] not in (room.availability, Availability.UNKNOWN)


def _next(room: Room, line: NewEntry) -> Message:
    """The line as the room's next entry; the room counts it."""
    room.seq += 1
    if line.kind is MessageKind.CHAT:
        room.chats += 1
        room.active_at = max(room.active_at, line.at)
    elif line.kind is MessageKind.AVAILABILITY:
        room.availability = line.data["status"]
    return Message(
        room=room,  # the object itself, whose space `_events` needs
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


_TABLE = Room._meta.db_table
_UPDATE = (
    f"UPDATE {_TABLE} SET seq = news.seq, chats = news.chats,"  # noqa: S608 - a constant
    f" active_at = news.active_at, availability = news.availability FROM {{}} WHERE {_TABLE}.id = news.id"
)
_OF_ARRAYS = _UPDATE.format(
    "unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::text[])"
    " AS news (id, seq, chats, active_at, availability)"
)
_OF_JSON = _UPDATE.format(
    "(SELECT json_extract(value, '$[0]') AS id, json_extract(value, '$[1]') AS seq,"
    " json_extract(value, '$[2]') AS chats, json_extract(value, '$[3]') AS active_at,"
    " json_extract(value, '$[4]') AS availability FROM json_each(%s)) AS news"
)
"""One statement for all: an `executemany` on SQLite lets other threads run at each row, and a fleet goes at once."""


def _save(rooms: Iterable[Room]) -> None:
    rows = [(room.pk, room.seq, room.chats, room.active_at, room.availability) for room in rooms]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_OF_ARRAYS, [list(column) for column in zip(*rows, strict=True)])
        else:
            cursor.execute(_OF_JSON, [msgspec.json.encode(rows).decode()])


def _save_files(stored: Iterable[tuple[NewEntry, Message]]) -> None:
    for line, message in stored:
        for file in line.files:
            file.message = message
            file.save()
        if line.files:
            Watermark.objects.bulk_create([Watermark(name=FILES, time=line.at)], ignore_conflicts=True)


def _save_mentions(stored: Iterable[tuple[NewEntry, Message]]) -> None:
    Mention.objects.bulk_create(
        [
            Mention(message=message, user_id=user, room_id=message.room_id, seq=message.seq)
            for line, message in stored
            for user in line.mentions
        ]
    )


def _count(kinds: Counter[MessageKind]) -> None:
    for kind, number in kinds.items():
        stats.room_messages.labels(kind).inc(number)


def _events(stored: Iterable[tuple[NewEntry, Message]]) -> list[MessagesStored]:
    shards: defaultdict[int, list[Entry]] = defaultdict(list)
    for line, message in stored:
        talk = line.kind is MessageKind.CHAT
        found = _entry(message.room, message, line.mentions, talk=talk, files=line.files)
        shards[groups.shard_of(message.room_id)].append(found)
    return [MessagesStored(shard, tuple(entries)) for shard, entries in shards.items()]


def _entry(
    room: Room, message: Message, mentions: tuple[int, ...], *, talk: bool, files: Collection[Attachment]
) -> Entry:
    return Entry(
        room_id=room.pk,
        space_id=room.space_id or 0,
        seq=message.seq,
        at=message.at,
        talk=talk,
        by=message.author_id or 0,
        author=message.by,
        excerpt=gist(message.text, files)[:EXCERPT],
        mentions=mentions,
        json=msgspec.json.encode(describe(message, files)).decode(),
    )

"""The one writer of rooms' logs.

Every entry gets the room's next `seq` in the transaction that stores it, so that the log has no gaps, and an entry is
stored together with whatever brought it about, or not at all.

A transaction that locks more than rooms locks in this order: commands, devices, rooms (by id), read markers. Rooms are
locked `NO KEY`: a row that only points at a room (a read marker, a device's command) need not wait for its writer.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ParamSpec

import msgspec
from django.db import connection, transaction
from django.db.models import Q

from devices.channel import groups
from devices.channel.events import Entry, Event, MessagesStored
from devices.log.files import FILES
from devices.log.messages import describe
from devices.log.models import Attachment, Mention, Message, Room
from devices.log.text import folded
from devices.runtime import stats
from devices.telemetry.models import Watermark
from devices.values import Availability, MessageKind, Origin

P = ParamSpec("P")

EXCERPT = 200
"""Characters of a message that a notification shows."""


@dataclass(slots=True, kw_only=True)
class NewEntry:
    """An entry to be written into the room `room_id`, or into the room of the device `device_id`.

    The other fields are those of `Message`. `mentions` holds ids of people; the rows of `files` are not saved yet.
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
class Outcome:
    """The effects of a write: events to publish after the commit, and entries for rooms.

    The entries are not written yet. `record` writes them, once and last in the transaction, since that locks rooms.
    """

    events: list[Event] = field(default_factory=list)
    entries: list[NewEntry] = field(default_factory=list)

    def __iadd__(self, other: Outcome) -> Outcome:
        self.events += other.events
        self.entries += other.entries
        return self


def record(outcome: Outcome) -> list[Event]:
    """Writes the entries of the outcome; all that is to be published after the commit.

    Call it inside a transaction, once and after other locks.
    """
    return [*outcome.events, *append(outcome.entries).events] if outcome.entries else outcome.events


def recorded(write: Callable[P, Outcome], *args: P.args, **kwargs: P.kwargs) -> list[Event]:
    """Calls `write` in a transaction and records its outcome there; the events to publish now."""
    with transaction.atomic():
        return record(write(*args, **kwargs))


@dataclass(slots=True)
class Appended:
    """The stored messages, in the order of the entries, and the events to publish after the commit."""

    messages: list[Message]
    events: list[MessagesStored]


def lock(room_id: int) -> None:
    """Keeps everybody else from writing into the room until the transaction ends. A missing room is ignored."""
    Room.objects.select_for_update(no_key=True).filter(pk=room_id).values_list("pk").first()


def append(entries: Sequence[NewEntry], locked: Room | None = None) -> Appended:
    """Writes the entries. Call it inside a transaction, once and after other locks, since it locks the rooms.

    `locked` is the one room of the entries, if the caller has read it after locking it; its fields are updated too.
    Entries of a room that is missing are left out, and so is an availability that the room's log already shows: that
    of a device which became `unknown` when the hub started again, and came back as it was.
    """
    rooms = _lock(entries) if locked is None else _by_owner([locked])
    stored = [(new, _next(room, new)) for new in entries if (room := _room_of(new, rooms)) and _is_news(new, room)]
    if not stored:
        return Appended([], [])
    Message.objects.bulk_create([message for _, message in stored])
    _save({message.room_id: message.room for _, message in stored}.values())
    _save_files(stored)
    _save_mentions(stored)
    transaction.on_commit(partial(_count, Counter(new.kind for new, _ in stored)))
    return Appended([message for _, message in stored], _events(stored))


def summary(text: str, files: Iterable[Attachment]) -> str:
    """One line that stands for a message: its text, or the names of its files."""
    return text or ", ".join(file.name for file in files)


def republished(message: Message, room: Room) -> Entry:
    """A stored message as it is published again, for viewers who may have missed it. It notifies nobody anew."""
    return _entry(room, message, (), talk=False, files=list(message.attachments.all()))


def _lock(entries: Iterable[NewEntry]) -> dict[tuple[str, int | None], Room]:
    """Locks the rooms in the order of their ids: two processes that lock the same rooms would deadlock otherwise."""
    wanted = Q(pk__in={new.room_id for new in entries if new.room_id is not None})
    wanted |= Q(device__in={new.device_id for new in entries if new.device_id is not None})
    return _by_owner(Room.objects.select_for_update(no_key=True).filter(wanted).order_by("pk"))


def _by_owner(rooms: Iterable[Room]) -> dict[tuple[str, int | None], Room]:
    """The rooms by what entries name them with."""
    found: dict[tuple[str, int | None], Room] = {}
    for room in rooms:
        found |= {("room", room.pk): room, ("device", room.device_id): room}
    return found


def _room_of(new: NewEntry, rooms: dict[tuple[str, int | None], Room]) -> Room | None:
    return rooms.get(("room", new.room_id) if new.device_id is None else ("device", new.device_id))


def _is_news(new: NewEntry, room: Room) -> bool:
    if new.kind is not MessageKind.AVAILABILITY:
        return True
    return new.data["status"] not in (room.availability, Availability.UNKNOWN)


def _next(room: Room, new: NewEntry) -> Message:
    """The room's next message; the room counts it."""
    room.seq += 1
    if new.kind is MessageKind.CHAT:
        room.chats += 1
        room.active_at = max(room.active_at, new.at)
    elif new.kind is MessageKind.AVAILABILITY:
        room.availability = new.data["status"]
    return Message(
        room=room,  # the object itself, whose space `_events` needs
        seq=room.seq,
        at=new.at,
        kind=new.kind,
        origin=new.origin,
        author_id=new.author_id,
        by=new.by,
        text=new.text,
        folded=folded(new.text) if new.kind is MessageKind.CHAT else "",
        data=new.data,
        key=new.key,
        of=new.of,
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
"""One statement for all rows: with `executemany` SQLite lets other threads run at each row, which takes long when a
whole fleet goes offline at once."""


def _save(rooms: Iterable[Room]) -> None:
    rows = [(room.pk, room.seq, room.chats, room.active_at, room.availability) for room in rooms]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_OF_ARRAYS, [list(column) for column in zip(*rows, strict=True)])
        else:
            cursor.execute(_OF_JSON, [msgspec.json.encode(rows).decode()])


def _save_files(stored: Iterable[tuple[NewEntry, Message]]) -> None:
    for new, message in stored:
        for file in new.files:
            file.message = message
            file.save()
        if new.files:
            Watermark.objects.bulk_create([Watermark(name=FILES, time=new.at)], ignore_conflicts=True)


def _save_mentions(stored: Iterable[tuple[NewEntry, Message]]) -> None:
    Mention.objects.bulk_create(
        [
            Mention(message=message, user_id=user, room_id=message.room_id, seq=message.seq)
            for new, message in stored
            for user in new.mentions
        ]
    )


def _count(kinds: Counter[MessageKind]) -> None:
    for kind, number in kinds.items():
        stats.room_messages.labels(kind).inc(number)


def _events(stored: Iterable[tuple[NewEntry, Message]]) -> list[MessagesStored]:
    shards: defaultdict[int, list[Entry]] = defaultdict(list)
    for new, message in stored:
        talk = new.kind is MessageKind.CHAT
        found = _entry(message.room, message, new.mentions, talk=talk, files=new.files)
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
        excerpt=summary(message.text, files)[:EXCERPT],
        mentions=mentions,
        json=msgspec.json.encode(describe(message, files)).decode(),
    )

"""Writes of what people have read."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce

from devices import access
from devices.access import Person
from devices.channel import fanout
from devices.channel.events import ReadMoved
from devices.log.models import Mention, Message, Room
from devices.rooms import inbox
from devices.rooms.models import ReadMark
from devices.runtime import database
from devices.values import MessageKind


@dataclass(frozen=True, slots=True)
class Moved:
    """A mark is at `seq` now; of the messages after it, up to `newest`, `unread` are of people."""

    seq: int
    unread: int
    newest: int


async def read(person: Person, room_id: int, seq: int) -> None:
    """The person has read the room up to `seq`; a mark never goes back. Raises `NotFound`."""
    moved = await database.run(_read, person, room_id, seq)
    await fanout.publish(moved)


def _read(person: Person, room_id: int, seq: int) -> list[ReadMoved]:
    room, user_id = access.room(person, room_id), int(person.pk or 0)
    # Most of what is told has been read already, by another page or by an answer: that costs no transaction.
    if ReadMark.objects.filter(user=user_id, room=room.pk, seq__gte=min(seq, room.seq)).exists():
        return []
    moved = move(person, room, seq)
    if moved is None:
        return []
    mentions = Mention.objects.filter(user=user_id, room=room.pk, seq__gt=moved.seq, seq__lte=moved.newest).count()
    return [ReadMoved(user_id, room.pk, moved.seq, moved.unread, mentions, moved.newest)]


def move(person: Person, room: Room, seq: int) -> Moved | None:
    """Moves the mark to `seq`, at most to the newest message; `None` where it is there already."""
    with transaction.atomic():
        mark, _ = ReadMark.objects.select_for_update().get_or_create(user_id=int(person.pk or 0), room_id=room.pk)
        if seq <= mark.seq:
            return None
        newest, chats, later = _counts(room, seq)
        if (seq := min(seq, newest)) <= mark.seq:
            return None
        mark.seq, mark.chats = seq, chats - later
        mark.save(update_fields=["seq", "chats"])
    return Moved(seq, later, newest)


def follow(person: Person, room: Room) -> ReadMoved:
    """Who has just written into the room, which is held, has read all of it: nobody else has written since."""
    user_id = int(person.pk or 0)
    skip([user_id], [room])
    return ReadMoved(user_id, room.pk, room.seq, 0, 0, newest=room.seq)


def recounted(room: Room, people: Collection[int], seq: int) -> list[ReadMoved]:
    """What is left to read in the room, which is held, for those of these people who may read it and have not yet read
    up to `seq`."""
    read = dict(ReadMark.objects.filter(room=room, user__in=people).values_list("user", "seq"))
    readers = access.readers(room).filter(pk__in=people) if people else []
    behind = [person for person in readers if read.get(person.pk, 0) < seq]
    return [
        ReadMoved(person.pk, room.pk, read.get(person.pk, 0), *inbox.unread(person, room), newest=room.seq)
        for person in behind
    ]


def skip(people: Iterable[int], among: Iterable[Room]) -> None:
    """Nothing that was said in the rooms until now is unread for these people, who could not read it before."""
    marks = [
        ReadMark(user_id=user, room_id=room.pk, seq=room.seq, chats=room.chats) for room in among for user in people
    ]
    ReadMark.objects.bulk_create(
        marks, update_conflicts=True, unique_fields=["user", "room"], update_fields=["seq", "chats"]
    )


def _counts(room: Room, seq: int) -> tuple[int, int, int]:
    """The room's newest seq, its chat messages, and how many of those come after `seq`: read as of one moment.

    Counted from the end, as marks are nearly always close to it.
    """
    later = (
        Message.objects.filter(room=OuterRef("pk"), seq__gt=seq, kind=MessageKind.CHAT)
        .order_by()
        .values("room")
        .annotate(n=Count("*"))
        .values("n")
    )
    counted = Room.objects.annotate(later=Coalesce(Subquery(later), 0))
    return counted.values_list("seq", "chats", "later").get(pk=room.pk)

"""Read markers: how far each person has read each room."""

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
class MarkerMove:
    """A read marker is at `seq` now; `unread` chat messages follow it, up to `newest`."""

    seq: int
    unread: int
    newest: int


async def read(person: Person, room_id: int, seq: int) -> None:
    """Records that the person has read the room up to `seq`. A marker never moves back. Raises `NotFound`."""
    moved = await database.run(_read, person, room_id, seq)
    await fanout.publish(moved)


def _read(person: Person, room_id: int, seq: int) -> list[ReadMoved]:
    room, user_id = access.room(person, room_id), int(person.pk or 0)
    # Most reports repeat what another page reported or an answer implied: these must not cost a transaction.
    if ReadMark.objects.filter(user=user_id, room=room.pk, seq__gte=min(seq, room.seq)).exists():
        return []
    moved = move(person, room, seq)
    if moved is None:
        return []
    mentions = Mention.objects.filter(user=user_id, room=room.pk, seq__gt=moved.seq, seq__lte=moved.newest).count()
    return [ReadMoved(user_id, room.pk, moved.seq, moved.unread, mentions, moved.newest)]


def move(person: Person, room: Room, seq: int) -> MarkerMove | None:
    """Moves the marker to `seq`, at most to the newest entry; `None` if it is there already."""
    with transaction.atomic():
        marker, _ = ReadMark.objects.select_for_update().get_or_create(user_id=int(person.pk or 0), room_id=room.pk)
        if seq <= marker.seq:
            return None
        newest, chats, later = _counts(room, seq)
        if (seq := min(seq, newest)) <= marker.seq:
            return None
        marker.seq, marker.chats = seq, chats - later
        marker.save(update_fields=["seq", "chats"])
    return MarkerMove(seq, later, newest)


def follow(person: Person, room: Room) -> ReadMoved:
    """Moves the marker of the author of the newest message to the end of the room, which the caller has locked."""
    user_id = int(person.pk or 0)
    skip([user_id], [room])
    return ReadMoved(user_id, room.pk, room.seq, 0, 0, newest=room.seq)


def recounted(room: Room, people: Collection[int], seq: int) -> list[ReadMoved]:
    """The unread counts of the room, which the caller has locked, for those of these people who may read it and have
    not read up to `seq`."""
    read = dict(ReadMark.objects.filter(room=room, user__in=people).values_list("user", "seq"))
    readers = access.readers(room).filter(pk__in=people) if people else []
    behind = [person for person in readers if read.get(person.pk, 0) < seq]
    return [
        ReadMoved(person.pk, room.pk, read.get(person.pk, 0), *inbox.unread(person, room), newest=room.seq)
        for person in behind
    ]


def skip(people: Iterable[int], among: Iterable[Room]) -> None:
    """Marks everything in the rooms as read for these people, who could not read it until now."""
    markers = [
        ReadMark(user_id=user, room_id=room.pk, seq=room.seq, chats=room.chats) for room in among for user in people
    ]
    ReadMark.objects.bulk_create(
        markers, update_conflicts=True, unique_fields=["user", "room"], update_fields=["seq", "chats"]
    )


def _counts(room: Room, seq: int) -> tuple[int, int, int]:
    """The room's newest `seq`, its number of chat messages, and how many of those follow `seq`, all read at once.

    Counted from the end, since markers are nearly always close to it.
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

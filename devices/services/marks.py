"""Writes of what people have read."""

from __future__ import annotations

from django.db import transaction

from devices import access, database, fanout
from devices.access import Person
from devices.events import ReadMoved
from devices.models import ReadMark, Room
from devices.queries import rooms
from devices.values import MessageKind


async def read(person: Person, room_id: int, seq: int) -> None:
    """The person has read the room up to `seq`; a mark never goes back. Raises `NotFound`."""
    moved = await database.run(_read, person, room_id, seq)
    await fanout.publish(moved)


def _read(person: Person, room_id: int, seq: int) -> list[ReadMoved]:
    room = access.room(person, room_id)
    if not move(person, room, seq):
        return []
    unread, mentions = rooms.unread(person, room)
    return [ReadMoved(int(person.pk or 0), room.pk, min(seq, room.seq), unread, mentions)]


def move(person: Person, room: Room, seq: int) -> bool:
    """Whether the mark has moved to `seq`, or to the newest message where that is older."""
    with transaction.atomic():
        mark, _ = ReadMark.objects.select_for_update().get_or_create(user_id=int(person.pk or 0), room_id=room.pk)
        if seq <= mark.seq:
            return False
        between = room.messages.filter(seq__gt=mark.seq, seq__lte=seq, kind=MessageKind.CHAT)
        newest = Room.objects.values_list("seq", flat=True).get(pk=room.pk)
        mark.chats += between.count()
        mark.seq = min(seq, newest)
        mark.save(update_fields=["seq", "chats"])
    return True

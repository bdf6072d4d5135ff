"""How much room the files of a space may take up."""

from __future__ import annotations

from django.conf import settings
from django.db.models import Q, Sum

from devices.access import Person
from devices.errors import TooLarge
from devices.log.models import Attachment, Room

MIB = 1024 * 1024


def check(person: Person, room: Room, size: int) -> None:
    """Raises `TooLarge` if a file of `size` bytes would take the room's space past `SPACE_QUOTA_MB`.

    What a person sends in their private conversations counts as a space of its own.
    """
    quota = settings.SPACE_QUOTA_MB
    if quota and used(person, room) + size > quota * MIB:
        whose = "your files in private conversations" if room.is_private else "the files of this space"
        raise TooLarge(f"{whose} may take up {quota:,} MiB: remove messages with files first")


def used(person: Person, room: Room) -> int:
    """Bytes of the files in the room's space, or of the person's own in all their private conversations."""
    among = Q(message__room__space=room.space_id)
    if room.is_private:
        among = Q(message__room__space=None, message__author=person.pk)
    return Attachment.objects.filter(among).aggregate(bytes=Sum("size"))["bytes"] or 0
